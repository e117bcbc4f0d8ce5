#pragma once

#include <span>
#include <string_view>

#include "app/config/config.h"
#include "core/identity/identity.h"
#include "lib/http/routes.h"

namespace agnes::auth {

// A way to sign in beside the password, such as Google. To add one, write a file like google.cpp and add an
// entry to the list in providers.cpp.
struct SignInProvider {
  std::string_view name;     // as auth.disabled_providers names it
  std::string_view title;    // on its button: "Sign in with <title>"
  std::string_view address;  // where the button leads; takes `next`
  // Whether the operator has set it up.
  bool (*is_configured)(const config::Config& config);
  // Declares its routes, which answer with a redirect to /login?error=... as long as it is not set up.
  void (*add_routes)(http::Routes& routes, identity::Identity& identity, const config::Config& config);
};

std::span<const SignInProvider> sign_in_providers();

// Declares the routes of all. What is passed must outlive the server.
void add_provider_routes(http::Routes& routes, identity::Identity& identity, const config::Config& config);

}  // namespace agnes::auth
