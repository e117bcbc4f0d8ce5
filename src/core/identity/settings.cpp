#include "core/identity/settings.h"

#include <sys/stat.h>

#include "lib/base/files.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

constexpr std::size_t kShortestSecret = 32;  // characters

std::string signing_secret(const std::string& given, const fs::path& state_folder) {
  if (!given.empty()) {
    if (given.size() < kShortestSecret)
      log::warn("JWT_SECRET_KEY has {} characters; use {} or more", given.size(), kShortestSecret);
    return given;
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

Settings read_settings(const config::Config& config, const app::PublicAddress& address) {
  const auto access = config.get<AccessSettings>();
  const auto groups = config.get<GroupSettings>();
  Settings settings;
  settings.jwt_secret = signing_secret(access.jwt_secret_key, config.places().state);
  settings.scheduler_token = std::string(trim(access.scheduler_token));
  if (!settings.scheduler_token.empty() && settings.scheduler_token.size() < kShortestSecret) {
    log::warn("SCHEDULER_API_TOKEN has {} characters and is not accepted: it needs {}",
              settings.scheduler_token.size(), kShortestSecret);
    settings.scheduler_token.clear();
  }
  settings.local_dev = access.local_dev;
  settings.local_dev_email = access.local_dev_email;
  if (settings.local_dev) log::warn("LOCAL_DEV_MODE is on: everybody who reaches this server is its admin");
  settings.seed_admin_email = access.seed_admin_email;
  if (settings.seed_admin_email.empty() && settings.local_dev)
    settings.seed_admin_email = settings.local_dev_email;
  settings.seed_admin_password = access.seed_admin_password;
  settings.rate_limits = access.rate_limits;
  settings.address = address;
  settings.home_route = config.get<InstanceSettings>().home_route;
  settings.admin_group_email = std::string(trim(groups.admin_email));
  settings.everyone_group_email = std::string(trim(groups.everyone_email));
  return settings;
}

}  // namespace agnes::identity
