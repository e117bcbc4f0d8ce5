#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/identity/identity.h"
#include "lib/http/response.h"

// What the routes share by which somebody becomes known.
namespace agnes::auth {

inline constexpr identity::Rate kSignIns{10, 60};    // of one address
inline constexpr identity::Rate kBootstraps{3, 60};  // of one address

// Runs `sign_in` unless this address, or anybody for this account, tried too often lately: then 429 with
// Retry-After. Pages of other sites are refused, since they could use up the tries of an account. Without an `email`
// failures count against the address only: a link's secret cannot be guessed, and wrong links must lock nobody out.
// When it throws `unauthenticated`, that counts against the account; `unavailable` becomes 503
// with Retry-After.
http::Response limited(identity::Identity& identity, const http::Request& request, std::string_view what,
                       identity::Rate rate, const std::string& email,
                       const std::function<http::Response()>& sign_in);
// Takes one event of `key`; the answer, 429 with Retry-After, when there were too many.
std::optional<http::Response> over_limit(identity::Identity& identity, const http::Request& request,
                                         const std::string& key, identity::Rate rate);
// "Come back in `wait` seconds", with Retry-After: a page for a browser, else JSON.
http::Response come_back(const http::Request& request, int status, const std::string& detail,
                         std::int64_t wait);
// Counts a failure that was answered in another way.
void count_failure(identity::Identity& identity, const std::string& email);

// Whether `path` is a path of this site, so that a browser can be sent there. Browsers take '\' for '/' and
// skip control characters.
bool is_own_path(std::string_view path);

// The cookie by which a browser stays signed in for a day.
http::Response::Cookie session_cookie(identity::Identity& identity, const http::Request& request,
                                      const identity::User& user);

}  // namespace agnes::auth
