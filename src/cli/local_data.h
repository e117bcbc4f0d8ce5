#pragma once

#include "cli/workspace.h"
#include "lib/duck/database.h"

namespace agnes::cli {

// The workspace's analytics.duckdb, for reading. Throws Failure when there is none, or when it cannot be read now.
duck::Database open_local(const Workspace& workspace);

}  // namespace agnes::cli
