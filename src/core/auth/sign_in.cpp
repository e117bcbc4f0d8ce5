#include "core/auth/sign_in.h"

#include <fmt/format.h>

#include "core/auth/pages.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/http/addresses.h"

namespace agnes::auth {

namespace {

using http::Response;

// Wrong passwords for one account: from one address, and from everywhere.
constexpr identity::Rate kFailures{10, 600}, kAllFailures{20, 600};
// Tries from addresses that nothing is known of, while an account has had that many.
constexpr identity::Rate kPace{30, 30};
constexpr identity::Rate kKnown{1, 30.0 * 86400};  // how long an address is remembered

// The same account and address, for `purpose`.
std::string pair_key(std::string_view purpose, const http::Request& request, const std::string& email) {
  return fmt::format("{} {} {}", purpose, http::address_key(request.client_address()), to_lower(trim(email)));
}
std::string account_key(std::string_view purpose, const std::string& email) {
  return fmt::format("{} {}", purpose, to_lower(trim(email)));
}

// The seconds until a password may be tried.
std::optional<std::int64_t> password_wait(identity::RateLimiter& limiter, const http::Request& request,
                                          const std::string& email) {
  const auto moment = now();
  const auto failures = pair_key("failures", request, email);
  if (const auto wait = limiter.peek(failures, kFailures, moment)) return wait;
  const auto all = limiter.peek(account_key("account", email), kAllFailures, moment);
  if (!all || limiter.has(pair_key("known", request, email), moment)) return std::nullopt;
  if (limiter.has(failures, moment)) return all;
  return limiter.take(account_key("pace", email), kPace, moment);
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
                 identity::Rate rate, const std::function<Response()>& sign_in) {
  identity::refuse_other_sites(request);
  identity::refuse_embedded(request);
  if (auto refused = over_limit(
          identity, request, fmt::format("{} {}", what, http::address_key(request.client_address())), rate))
    return *std::move(refused);
  try {
    return sign_in();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    return come_back(request, 503, error.what(), 1);
  }
}

Response limited_password(identity::Identity& identity, const http::Request& request,
                          const std::string& email, std::string_view password,
                          const std::function<Response(const identity::User&)>& welcome,
                          const std::function<Response(const Error&)>& refuse) {
  return limited(identity, request, "sign-in", kSignIns, [&] {
    const bool limits = identity.settings().rate_limits;
    auto& limiter = identity.limiter();
    if (limits)
      if (const auto wait = password_wait(limiter, request, email)) return too_many(request, *wait);
    std::optional<identity::User> user;
    try {
      user = identity.users().sign_in(email, password, request.client_address());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unauthenticated) throw;
      if (limits) {
        limiter.take(pair_key("failures", request, email), kFailures, now());
        limiter.take(account_key("account", email), kAllFailures, now());
      }
      if (!refuse) throw;
      return refuse(error);
    }
    limiter.clear(pair_key("failures", request, email));
    return welcome(*user);
  });
}

std::optional<Response> over_limit(identity::Identity& identity, const http::Request& request,
                                   const std::string& key, identity::Rate rate) {
  if (!identity.settings().rate_limits) return std::nullopt;
  const auto wait = identity.limiter().take(key, rate, now());
  return wait ? std::optional(too_many(request, *wait)) : std::nullopt;
}

std::string session_of(identity::Identity& identity, const http::Request& request,
                       const identity::User& user) {
  const auto known = pair_key("known", request, user.email);
  identity.limiter().clear(known);
  identity.limiter().take(known, kKnown, now());
  return identity.tokens().make_session(user);
}

contract::SignedIn signed_in(identity::Identity& identity, const http::Request& request,
                             const identity::User& user) {
  return {session_of(identity, request, user), "bearer", user.id, user.email,
          identity.directory().is_admin(user.id) ? contract::Role::admin : contract::Role::user};
}

Response::Cookie session_cookie(identity::Identity& identity, const http::Request& request,
                                const identity::User& user) {
  return {.name = "access_token",
          .value = session_of(identity, request, user),
          .max_age = 86400,
          .same_site = "lax",
          .http_only = true,
          .secure = identity.settings().address.secure(request)};
}

}  // namespace agnes::auth
