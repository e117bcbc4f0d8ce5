#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/workspace.h"

namespace agnes::cli {

struct View {
  std::string name;
  fs::path file;
};

struct ViewsMade {
  bool unchanged = false;  // they were right already
  bool postponed = false;  // another program has the database open for writing; nothing was done
  std::vector<std::string> problems;
  fs::path kept;  // where a file went that is no database, or one that only a later DuckDB can read
};

// Makes analytics.duckdb hold exactly these views over Parquet files, besides the user's own tables and
// views, which stay. The database is made anew beside the old one and renamed over it: programs that have it
// open for reading go on with the old one, and a kill at any point leaves one or the other. What cannot be
// read is kept beside.
ViewsMade make_views(const fs::path& database, const std::vector<View>& views);

// The same for the workspace's snapshots and its tables, but those of `gone`, as far as they have changed since `state`,
// which is brought up to date. Of equal names the snapshot counts, as the user's own. Call it with the
// workspace locked.
ViewsMade refresh_views(const Workspace& workspace, PullState& state, const std::set<std::string>& gone = {});

}  // namespace agnes::cli
