#pragma once

#include "app/config/settings.h"

namespace agnes::operation {

// What a deployment says of itself.
struct BuildSettings {
  std::string version = "dev", channel = "dev", tag = "unknown", commit = "unknown";
  static constexpr config::Rule kRules[] = {
      {.member = "version", .variable = "AGNES_VERSION", .help = "Version in the answer of /api/version"},
      {.member = "channel", .variable = "RELEASE_CHANNEL", .help = "Channel in the answer of /api/version"},
      {.member = "tag", .variable = "AGNES_TAG", .help = "Image tag in the answer of /api/version"},
      {.member = "commit", .variable = "AGNES_COMMIT_SHA", .help = "Commit in the answer of /api/version"},
  };
};
BOOST_DESCRIBE_STRUCT(BuildSettings, (), (version, channel, tag, commit))

struct MetricsSettings {
  std::string token;
  static constexpr config::Rule kRules[] = {
      {.member = "token",
       .variable = "AGNES_METRICS_TOKEN",
       .secret = true,
       .help = "Shared secret of Prometheus, for /metrics; 16 characters or more"},
  };
};
BOOST_DESCRIBE_STRUCT(MetricsSettings, (), (token))

}  // namespace agnes::operation
