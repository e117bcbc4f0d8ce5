#pragma once

#include <optional>
#include <string>

#include "cli/api.h"

namespace agnes::cli {

struct UpgradeOptions {
  bool check_only = false;  // find out, and change nothing
  bool force = false;       // also to the same or an older version, and from a server whose key has changed
};
struct UpgradeResult {
  std::string installed;              // the version that runs
  std::optional<std::string> latest;  // of the server; nothing when it has no client
  bool outdated = false;
  bool upgraded = false;
};
BOOST_DESCRIBE_STRUCT(UpgradeResult, (), (installed, latest, outdated, upgraded))

// Replaces the program that runs by the server's, when that is newer: fetched beside it, checked against the server's signature
// and hash, and tried, before the link by which it is started turns over to it in one step. Whatever ends it, the program that is
// started is whole and works. For installations by /cli/install.sh; throws Failure with the next step for others, and for
// what fails, and notes it for `upgrade_failures`. The server's key is the one that this machine saw first.
UpgradeResult self_upgrade(Api& api, const UpgradeOptions& options);

// Upgrades that failed one after the other, in the configuration folder: no answer at all neither counts nor makes an end.
struct UpgradeFailures {
  std::int64_t count = 0;
  std::string error;  // the last one's
};
BOOST_DESCRIBE_STRUCT(UpgradeFailures, (), (count, error))
UpgradeFailures upgrade_failures();

}  // namespace agnes::cli
