#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/identity/directory.h"
#include "core/identity/groups.h"
#include "core/identity/passwords.h"
#include "core/identity/rate_limit.h"
#include "core/identity/resources.h"
#include "core/identity/settings.h"
#include "core/identity/tokens.h"
#include "core/identity/users.h"
#include "core/state/store.h"
#include "lib/http/request.h"

namespace agnes::identity {

// Throws Error (`forbidden`) for a change that a page of another site makes with the visitor's browser.
// Programs, which say nothing of where they come from, pass.
void refuse_other_sites(const http::Request& request);

// Throws Error (`forbidden`) for what a page of another site has the visitor's browser fetch (an image, a frame) instead of
// leading the visitor there.
void refuse_embedded(const http::Request& request);

// What stands behind "Authorization: Bearer"; empty when there is none.
std::string_view bearer_token(const http::Request& request);

// Who may do what, as one object: the parts wired together over the state database. Thread-safe.
class Identity {
 public:
  // Seeds the accounts that `settings` ask for.
  Identity(state::Store& store, Settings settings);

  // Who makes the request: by its bearer token, by a personal token as the password of HTTP Basic (with any
  // name, for git and curl), else by the browser's cookie. For Routes::set_authenticator. Throws Error
  // (`forbidden`) for a change that another site's page makes with this browser's cookie.
  std::optional<http::Caller> authenticate(const http::Request& request, std::string& reason);

  const Settings& settings() const { return settings_; }
  Directory& directory() { return directory_; }
  Users& users() { return users_; }
  Groups& groups() { return groups_; }
  Tokens& tokens() { return tokens_; }
  ResourceTypes& resource_types() { return resource_types_; }
  RateLimiter& limiter() { return limiter_; }

 private:
  Settings settings_;
  Directory directory_;
  Passwords passwords_;
  RateLimiter limiter_;
  ResourceTypes resource_types_;
  Users users_;
  Groups groups_;
  Tokens tokens_;
};

}  // namespace agnes::identity
