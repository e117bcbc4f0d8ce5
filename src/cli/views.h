#pragma once

#include <string>
#include <vector>

#include "lib/base/files.h"

namespace agnes::cli {

struct View {
  std::string name;
  fs::path file;
};

struct ViewsMade {
  bool postponed = false;  // another program has the database open for writing; nothing was done
  std::vector<std::string> problems;
  fs::path kept;  // where a file went that is no database, or one that only a later DuckDB can read
};

// Makes analytics.duckdb hold exactly these views over Parquet files, besides the user's own tables and
// views, which stay. The database is made anew beside the old one and renamed over it: programs that have it
// open for reading go on with the old one, and a kill at any point leaves one or the other. What cannot be
// read is kept beside.
ViewsMade make_views(const fs::path& database, const std::vector<View>& views);

}  // namespace agnes::cli
