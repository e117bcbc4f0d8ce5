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

}  // namespace agnes::client
