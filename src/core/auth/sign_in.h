#pragma once

#include <functional>
#include <optional>
#include <string>

#include "contract/users.h"
#include "core/identity/identity.h"
#include "lib/base/error.h"
#include "lib/http/response.h"

// What the routes share by which somebody becomes known.
namespace agnes::auth {

inline constexpr identity::Rate kSignIns{10, 60};    // of one address
inline constexpr identity::Rate kBootstraps{3, 60};  // of one address

// Runs `sign_in` unless this address tried too often lately: then 429 with Retry-After. Pages of other sites are refused,
// uncounted, since they could use up the tries of whoever reads them; what a browser opens by itself is let through. When
// it throws `unavailable`, that becomes 503 with Retry-After.
http::Response limited(identity::Identity& identity, const http::Request& request, std::string_view what,
                       identity::Rate rate, const std::function<http::Response()>& sign_in);
// The same for a password. Wrong ones count for the account and the address together, so that nobody locks out the owner.
// Those of an account from everywhere count, too: when there are many, an address that has failed waits, one from which
// the account was signed in to before does not, and others have a try a second together. `refuse` answers a wrong password.
http::Response limited_password(identity::Identity& identity, const http::Request& request,
                                const std::string& email, std::string_view password,
                                const std::function<http::Response(const identity::User&)>& welcome,
                                const std::function<http::Response(const Error&)>& refuse = {});
// Takes one event of `key`; the answer, 429 with Retry-After, when there were too many.
std::optional<http::Response> over_limit(identity::Identity& identity, const http::Request& request,
                                         const std::string& key, identity::Rate rate);
// "Come back in `wait` seconds", with Retry-After: a page for a browser, else JSON.
http::Response come_back(const http::Request& request, int status, const std::string& detail,
                         std::int64_t wait);
// Whether `path` is a path of this site, so that a browser can be sent there. Browsers take '\' for '/' and
// skip control characters.
bool is_own_path(std::string_view path);

// A session of somebody who has shown who they are; their address is known for the account from now on.
std::string session_of(identity::Identity& identity, const http::Request& request,
                       const identity::User& user);
contract::SignedIn signed_in(identity::Identity& identity, const http::Request& request,
                             const identity::User& user);
// The cookie by which a browser stays signed in for a day.
http::Response::Cookie session_cookie(identity::Identity& identity, const http::Request& request,
                                      const identity::User& user);

}  // namespace agnes::auth
