#include "access/providers.h"

#include "access/google.h"

namespace agnes::access {

std::span<const SignInProvider> sign_in_providers() {
  static const SignInProvider kProviders[] = {
      {"google", "Google", "/auth/google/login", &google::is_configured, &google::add_routes},
  };
  return kProviders;
}

void add_provider_routes(http::Routes& routes, Access& access, const config::Config& config) {
  for (const auto& provider : sign_in_providers()) provider.add_routes(routes, access, config);
}

}  // namespace agnes::access
