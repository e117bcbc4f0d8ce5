#include "access/sign_in.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace agnes::access {

namespace {

using http::Response;

constexpr Rate kFailures{20, 600};  // of one account, from anywhere

std::string account_key(const std::string& email) {
  return "account " + to_lower(trim(email));
}

Response later(int status, const boost::json::value& detail, std::int64_t wait) {
  auto response = Response::error(status, detail);
  response.header("Retry-After", std::to_string(wait));
  return response;
}

Response too_many(std::int64_t wait) {
  return later(429, boost::json::string(fmt::format("Too many requests: try again in {} s", wait)), wait);
}

}  // namespace

Response limited(Access& access, const http::Request& request, std::string_view what, Rate rate,
                 const std::string& email, const std::function<Response()>& sign_in) {
  if (access.settings().rate_limits) {
    const auto moment = now();
    if (const auto wait =
            access.limiter().take(fmt::format("{} {}", what, request.client_address()), rate, moment))
      return too_many(*wait);
    if (const auto wait = access.limiter().peek(account_key(email), kFailures, moment))
      return too_many(*wait);
  }
  try {
    return sign_in();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unauthenticated) count_failure(access, email);
    if (error.kind() != ErrorKind::unavailable) throw;
    return later(503, error.detail(), 1);
  }
}

std::optional<Response> over_limit(Access& access, const std::string& key, Rate rate) {
  if (!access.settings().rate_limits) return std::nullopt;
  const auto wait = access.limiter().take(key, rate, now());
  return wait ? std::optional(too_many(*wait)) : std::nullopt;
}

void count_failure(Access& access, const std::string& email) {
  if (access.settings().rate_limits) access.limiter().take(account_key(email), kFailures, now());
}

Response::Cookie session_cookie(Access& access, const http::Request& request, const User& user) {
  return {.name = "access_token",
          .value = access.tokens().make_session(user),
          .max_age = 86400,
          .same_site = "lax",
          .http_only = true,
          .secure = access.settings().secure_cookies || request.scheme() == "https"};
}

}  // namespace agnes::access
