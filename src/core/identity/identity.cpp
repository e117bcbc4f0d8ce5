#include "core/identity/identity.h"

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/http/addresses.h"

namespace agnes::identity {

namespace {

// Browsers say where a request comes from; one that says nothing is not a browser of the last years, or a script
// of the user's own.
bool from_another_site(const http::Request& request) {
  const auto site = request.header("sec-fetch-site");
  // What it says itself stands above a name that a proxy may have changed on the way.
  if (!site.empty()) return site != "same-origin" && site != "none";
  const auto origin = request.header("origin");
  if (origin.empty()) return false;
  const auto scheme_end = origin.find("://");
  return scheme_end == std::string_view::npos || !iequals(origin.substr(scheme_end + 3), request.host());
}

bool changes_something(const http::Request& request) {
  const auto& method = request.method();
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

// "localhost:8000" -> "localhost", "[::1]:8000" -> "::1"; "" when something else stands behind the name.
std::string_view host_name(std::string_view host) {
  const bool bracketed = host.starts_with('[');
  const auto end = std::min(host.size(), bracketed ? host.find(']') : host.find(':'));
  std::string_view port = host.substr(std::min(host.size(), end + (bracketed ? 1 : 0)));
  if (!port.empty() && (port.front() != ':' || port.find_first_not_of("0123456789", 1) != port.npos))
    return {};
  if (bracketed && end == host.size()) return {};
  return host.substr(bracketed ? 1 : 0, end - (bracketed ? 1 : 0));
}

bool is_own_host(const http::Request& request, const app::PublicAddress& address) {
  const auto host = host_name(request.host());
  if (host.empty()) return false;
  if (iequals(host, "localhost") || host.ends_with(".localhost") || host == "::1" ||
      (host.starts_with("127.") && http::is_address(host)))
    return true;
  std::string_view own = address.url();
  own = own.substr(std::min(own.size(), own.find("://") + 3));
  return iequals(host, host_name(own.substr(0, own.find('/'))));
}

// The password of "Basic <base64 of name:password>" (RFC 7617); "" when it is none.
std::string basic_password(std::string_view credentials) {
  const auto text = from_base64(trim(credentials));
  const auto colon = text ? text->find(':') : std::string::npos;
  return colon == std::string::npos ? "" : text->substr(colon + 1);
}

}  // namespace

void refuse_other_sites(const http::Request& request) {
  if (changes_something(request) && from_another_site(request))
    throw Error(ErrorKind::forbidden, "this request came from a page of another site");
}

void refuse_embedded(const http::Request& request) {
  const bool is_visit =
      request.header("sec-fetch-mode") == "navigate" && request.header("sec-fetch-dest") == "document";
  if (from_another_site(request) && !is_visit)
    throw Error(ErrorKind::forbidden, "this request came from within a page of another site");
}

std::string_view bearer_token(const http::Request& request) {
  const auto authorization = request.header("authorization");
  const bool is_bearer = authorization.size() > 7 && iequals(authorization.substr(0, 7), "Bearer ");
  return is_bearer ? trim(authorization.substr(7)) : std::string_view();
}

Identity::Identity(state::Store& store, Settings settings)
    : settings_(std::move(settings)),
      directory_(store),
      users_(directory_, passwords_, settings_),
      groups_(directory_, resource_types_, settings_),
      tokens_(directory_, settings_) {
  users_.seed();
}

std::optional<http::Caller> Identity::authenticate(const http::Request& request, std::string& reason) {
  if (settings_.local_dev) {
    // Everybody is the developer, so a page of another site must not be, nor one whose name was bound to this address.
    refuse_other_sites(request);
    if (!is_own_host(request, settings_.address))
      throw Error(ErrorKind::forbidden,
                  "LOCAL_DEV_MODE answers only to localhost and to the host of SERVER_URL");
    if (auto developer = tokens_.developer()) return developer;
  }
  if (const auto bearer = bearer_token(request); !bearer.empty())
    return tokens_.resolve(bearer, request.client_address(), reason);
  // As git sends it. Whatever else stands there is a proxy's business, and the cookie counts.
  const auto authorization = request.header("authorization");
  if (authorization.size() > 6 && iequals(authorization.substr(0, 6), "Basic ")) {
    auto caller = tokens_.resolve(basic_password(authorization.substr(6)), request.client_address(), reason);
    if (caller && caller->token_kind == http::Caller::TokenKind::pat) {
      refuse_other_sites(request);  // a browser may have been given it, too
      return caller;
    }
  }
  const auto cookie = request.cookie("access_token");
  if (cookie.empty()) {
    if (reason.empty()) reason = "Missing or invalid Authorization header";
    return std::nullopt;
  }
  auto caller = tokens_.resolve(cookie, request.client_address(), reason);
  if (caller) refuse_other_sites(request);
  return caller;
}

}  // namespace agnes::identity
