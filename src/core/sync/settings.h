#pragma once

#include "app/config/settings.h"
#include "lib/jobs/schedule.h"

namespace agnes::sync {

struct SyncSettings {
  std::int64_t interval_seconds = 15 * 60;
  static constexpr config::Rule kRules[] = {
      {.member = "interval_seconds",
       .variable = "SCHEDULER_DATA_REFRESH_INTERVAL",
       .ge = 1,
       .le = jobs::kMostIntervalSeconds,
       .help = "Seconds between scheduled syncs, rounded up to minutes"},
  };
};
BOOST_DESCRIBE_STRUCT(SyncSettings, (), (interval_seconds))

}  // namespace agnes::sync
