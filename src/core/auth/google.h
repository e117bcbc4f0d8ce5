#pragma once

#include <string>
#include <vector>

#include "app/config/config.h"
#include "core/auth/google_directory.h"
#include "core/auth/google_groups.h"
#include "core/identity/identity.h"
#include "lib/http/routes.h"

// Signing in with a Google account: docs/google.md.
namespace agnes::auth::google {

struct GoogleSettings {
  std::string client_id, client_secret;
  std::string issuer;                        // https://accounts.google.com
  std::string groups_api;                    // https://cloudidentity.googleapis.com
  std::vector<std::string> allowed_domains;  // lower case; none: everybody may sign in
  bool reads_groups = false;
  std::shared_ptr<AdminDirectory> directory;  // where groups are read; none: with the user's own consent
  GroupRules rules;
};

GoogleSettings read_settings(const config::Config& config);
bool is_configured(const config::Config& config);

// GET /auth/google/login and /auth/google/callback. Throws Error (bad_request) for an impossible issuer.
void add_routes(http::Routes& routes, identity::Identity& identity, const config::Config& config);

}  // namespace agnes::auth::google
