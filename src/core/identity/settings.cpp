#include "core/identity/settings.h"

#include <sys/stat.h>

#include "lib/base/env.h"
#include "lib/base/files.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

constexpr std::size_t kShortestSecret = 32;  // characters

std::string trimmed_env(const char* name) {
  return std::string(trim(env_or(name, "")));
}

std::string signing_secret(const fs::path& state_folder) {
  if (auto secret = env("JWT_SECRET_KEY")) {
    if (secret->size() < kShortestSecret)
      log::warn("JWT_SECRET_KEY has {} characters; use {} or more", secret->size(), kShortestSecret);
    return *secret;
  }
  const fs::path file = state_folder / ".jwt_secret";
  if (const auto text = read_file(file)) {
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
      log::warn("{} could be read by others; its mode is 0600 now", file.string());
      ::chmod(file.c_str(), 0600);
    }
    if (const auto secret = trim(*text); !secret.empty()) return std::string(secret);
    log::warn("{} is empty: a new secret is made, so everybody signs in again", file.string());
  }
  std::error_code ignored;
  fs::create_directories(state_folder, ignored);
  std::string secret = random_hex(32);
  replace_file(file, secret, 0600);
  return secret;
}

}  // namespace

Settings read_settings(const std::filesystem::path& state_folder) {
  Settings settings;
  settings.jwt_secret = signing_secret(state_folder);
  settings.scheduler_token = trimmed_env("SCHEDULER_API_TOKEN");
  if (!settings.scheduler_token.empty() && settings.scheduler_token.size() < kShortestSecret) {
    log::warn("SCHEDULER_API_TOKEN has {} characters and is not accepted: it needs {}",
              settings.scheduler_token.size(), kShortestSecret);
    settings.scheduler_token.clear();
  }
  settings.local_dev = is_truthy(env_or("LOCAL_DEV_MODE", ""));
  settings.local_dev_email = env_or("LOCAL_DEV_USER_EMAIL", "dev@localhost");
  if (settings.local_dev) log::warn("LOCAL_DEV_MODE is on: everybody who reaches this server is its admin");
  settings.seed_admin_email = env_or("SEED_ADMIN_EMAIL", settings.local_dev ? settings.local_dev_email : "");
  settings.seed_admin_password = env_or("SEED_ADMIN_PASSWORD", "");
  const auto limits = to_lower(env_or("AGNES_AUTH_RATELIMIT_ENABLED", "1"));
  settings.rate_limits = limits != "0" && limits != "false" && limits != "no" && limits != "off";
  settings.secure_cookies = env("DOMAIN").has_value();
  settings.server_url = trimmed_env("SERVER_URL");
  while (settings.server_url.ends_with('/')) settings.server_url.pop_back();
  settings.home_route = env_or("AGNES_HOME_ROUTE", "/dashboard");
  settings.admin_group_email = trimmed_env("AGNES_GROUP_ADMIN_EMAIL");
  settings.everyone_group_email = trimmed_env("AGNES_GROUP_EVERYONE_EMAIL");
  return settings;
}

}  // namespace agnes::identity
