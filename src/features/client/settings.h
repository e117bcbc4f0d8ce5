#pragma once

#include "app/config/settings.h"

namespace agnes::client {

struct ClientSettings {
  std::string dist_dir;
  static constexpr config::Rule kRules[] = {
      {.member = "dist_dir",
       .variable = "AGNES_CLI_DIST_DIR",
       .help = "Folder of wheels of the Python client, offered beside this one's own"},
  };
};
BOOST_DESCRIBE_STRUCT(ClientSettings, (), (dist_dir))

// What analysts are told.
struct WelcomeSettings {
  static constexpr std::string_view kSection = "instance";
  std::string sync_interval;
  static constexpr config::Rule kRules[] = {
      {.member = "sync_interval",
       .help = "How often data is updated, as analysts are told; by SCHEDULER_DATA_REFRESH_INTERVAL when it "
               "is not set"},
  };
};
BOOST_DESCRIBE_STRUCT(WelcomeSettings, (), (sync_interval))

}  // namespace agnes::client
