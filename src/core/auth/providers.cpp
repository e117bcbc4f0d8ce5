#include "core/auth/providers.h"

#include "core/auth/google.h"

namespace agnes::auth {

std::span<const SignInProvider> sign_in_providers() {
  static const SignInProvider kProviders[] = {
      {"google", "Google", "/auth/google/login", &google::is_configured, &google::add_routes},
  };
  return kProviders;
}

void add_provider_routes(http::Routes& routes, identity::Identity& identity, const config::Config& config) {
  for (const auto& provider : sign_in_providers()) provider.add_routes(routes, identity, config);
}

}  // namespace agnes::auth
