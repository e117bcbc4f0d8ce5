#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace agnes::identity {

// What an operator decides about access, read once at start.
struct Settings {
  std::string jwt_secret;           // signs sessions and personal tokens
  std::string scheduler_token;      // SCHEDULER_API_TOKEN; empty when unset or shorter than 32 characters
  bool local_dev = false;           // LOCAL_DEV_MODE: everybody is the development admin. Never in production
  std::string local_dev_email;      // LOCAL_DEV_USER_EMAIL, dev@localhost
  std::string seed_admin_email;     // SEED_ADMIN_EMAIL; the development admin's in LOCAL_DEV_MODE
  std::string seed_admin_password;  // SEED_ADMIN_PASSWORD
  bool rate_limits = true;          // AGNES_AUTH_RATELIMIT_ENABLED
  bool secure_cookies = false;      // DOMAIN is set: the server is behind TLS
  std::string server_url;           // SERVER_URL, without a slash at its end; empty: as the request came
  std::string home_route;           // AGNES_HOME_ROUTE, /dashboard: where a browser goes after signing in
  std::string admin_group_email;    // AGNES_GROUP_ADMIN_EMAIL: the outside group whose members are Admin's
  std::string everyone_group_email;  // AGNES_GROUP_EVERYONE_EMAIL
};

// Reads the environment, and the signing secret from JWT_SECRET_KEY or from the file .jwt_secret in the state
// folder, which is made (mode 0600) when neither is there. Warns in the log of what is set but unusable.
Settings read_settings(const std::filesystem::path& state_folder);

}  // namespace agnes::identity
