#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "core/query/remote.h"
#include "core/sync/extensions.h"

namespace agnes::connectors {

// What a connector does for attachments of its engine: its module adds one to the services. Its functions are called by
// several threads.
struct EngineAccess {
  std::string extension;
  // A token that is good for the longest statement and more, given to the engine as a secret; nothing: the attachment's
  // own variable has it. Throws Error with the reason why there is none, without a secret. May be empty.
  std::function<std::optional<std::string>(const catalog::RemoteEngine&)> token;
  // Throws Error when a statement over these tables, all of this engine, would cost more than it may. May be empty.
  std::function<void(const std::vector<query::RemoteUse>&, const std::string& sql)> check_cost;
};

// How the server reaches the engines that extracts attach: as a connector does it, or with the variable that an attachment
// names. `engines` and `extensions` must outlive it.
query::RemoteAccess remote_access(const std::vector<EngineAccess>& engines,
                                  const sync::Extensions& extensions);

}  // namespace agnes::connectors
