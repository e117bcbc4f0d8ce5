#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/progress.h"
#include "cli/workspace.h"

namespace agnes::cli {

struct PullOptions {
  bool dry_run = false;           // find out what would change; touch nothing
  bool skip_materialize = false;  // leave materialized tables for later
  Progress::Style progress = Progress::Style::none;
  bool say_when_waiting = true;  // for another pull in the same workspace
};

struct PullProblem {
  std::string table;  // or
  std::string stage;  // "manifest", "memory_bundle", "views"
  std::string error;
};

struct PullResult {
  std::vector<std::string> updated;  // tables; with dry_run: what would be
  std::vector<std::string> removed;
  std::int64_t total = 0;  // tables of the manifest that have a file
  std::int64_t rules = 0;
  double seconds = 0;
  bool dry_run = false;
  bool interrupted = false;
  std::vector<PullProblem> problems;
};

// Brings the workspace to what the server has for this user: Parquet files, views in analytics.duckdb, rules.
// Safe to end at any point and to run again: each file is replaced whole, and what arrived already is kept.
// One table's failure does not stop the others; it is in `problems`, and so is a manifest that cannot be had.
// Throws Failure for a client that is too old, Error when the workspace itself cannot be written.
PullResult pull(Api& api, const Workspace& workspace, const PullOptions& options);

boost::json::object to_json(const PullResult& result);
// Ends requests and downloads at the first Ctrl-C, the program at the second, while it lives.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
};

}  // namespace agnes::cli
