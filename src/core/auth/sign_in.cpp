#include "core/auth/sign_in.h"

#include <fmt/format.h>

#include "core/auth/pages.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/http/addresses.h"

namespace agnes::auth {

namespace {

using http::Response;

constexpr identity::Rate kFailures{20, 600};  // of one account, from anywhere

std::string account_key(const std::string& email) {
  return "account " + to_lower(trim(email));
}

Response too_many(const http::Request& request, std::int64_t wait) {
  return come_back(request, 429, fmt::format("Too many requests: try again in {} s", wait), wait);
}

}  // namespace

Response come_back(const http::Request& request, int status, const std::string& detail, std::int64_t wait) {
  auto response = request.wants_html() ? message_page("Not right now", detail, status)
                                       : Response::error(status, boost::json::string(detail));
  response.header("Retry-After", std::to_string(wait));
  return response;
}

Response limited(identity::Identity& identity, const http::Request& request, std::string_view what,
                 identity::Rate rate, const std::string& email, const std::function<Response()>& sign_in) {
  identity::refuse_other_sites(request);
  if (identity.settings().rate_limits) {
    const auto moment = now();
    if (const auto wait = identity.limiter().take(
            fmt::format("{} {}", what, http::address_key(request.client_address())), rate, moment))
      return too_many(request, *wait);
    const auto wait =
        email.empty() ? std::nullopt : identity.limiter().peek(account_key(email), kFailures, moment);
    if (wait) return too_many(request, *wait);
  }
  try {
    return sign_in();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unauthenticated && !email.empty()) count_failure(identity, email);
    if (error.kind() != ErrorKind::unavailable) throw;
    return come_back(request, 503, error.what(), 1);
  }
}

std::optional<Response> over_limit(identity::Identity& identity, const http::Request& request,
                                   const std::string& key, identity::Rate rate) {
  if (!identity.settings().rate_limits) return std::nullopt;
  const auto wait = identity.limiter().take(key, rate, now());
  return wait ? std::optional(too_many(request, *wait)) : std::nullopt;
}

void count_failure(identity::Identity& identity, const std::string& email) {
  if (identity.settings().rate_limits) identity.limiter().take(account_key(email), kFailures, now());
}

Response::Cookie session_cookie(identity::Identity& identity, const http::Request& request,
                                const identity::User& user) {
  return {.name = "access_token",
          .value = identity.tokens().make_session(user),
          .max_age = 86400,
          .same_site = "lax",
          .http_only = true,
          .secure = identity.settings().address.secure(request)};
}

}  // namespace agnes::auth
