#pragma once

#include <cstdint>
#include <string>

#include "cli/api.h"
#include "cli/workspace.h"

namespace agnes::cli {

struct Rules {
  std::string etag;  // of the bundle that the files were made from; empty: unknown
  std::int64_t count = 0;
};

// Fetches the corporate memory that is meant for every session and keeps it as .claude/rules/km_*.md, which
// the agent reads: one file an obligatory item, one for all approved ones. These names belong to the server:
// files of that pattern that it no longer names are removed. A server without corporate memory has none.
Rules sync_rules(Api& api, const Workspace& workspace, const Rules& known);

}  // namespace agnes::cli
