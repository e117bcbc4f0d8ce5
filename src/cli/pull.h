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
  std::optional<std::string> table;  // or
  std::optional<std::string> stage;  // "manifest", "memory_bundle", "views"
  std::string error;
  Cause kind = Cause::failed;
  static constexpr json::Rule rules[] = {{.field = "table", .omit_null = true},
                                         {.field = "stage", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(PullProblem, (), (table, stage, error, kind))

struct PullResult {
  std::int64_t tables_updated = 0, tables_removed = 0;
  std::int64_t parquets_total = 0;  // tables of the manifest that have a file
  std::int64_t rules_count = 0;
  double duration_s = 0;
  std::optional<std::vector<std::string>> updated, removed;            // tables
  std::optional<std::vector<std::string>> would_update, would_remove;  // with dry_run
  std::vector<PullProblem> errors;
  bool interrupted = false;
  static constexpr json::Rule rules[] = {
      {.field = "updated", .omit_null = true},
      {.field = "removed", .omit_null = true},
      {.field = "would_update", .description = "With --dry-run", .omit_null = true},
      {.field = "would_remove", .description = "With --dry-run", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(PullResult, (),
                      (tables_updated, tables_removed, parquets_total, rules_count, duration_s, updated,
                       removed, would_update, would_remove, errors, interrupted))
// Says each problem on standard error.
void say_problems(const PullResult& result);
// Of a manifest that could not be had: nothing was pulled then.
const PullProblem* manifest_problem(const PullResult& result);

// Brings the workspace to what the server has for this user: Parquet files, views in analytics.duckdb, rules.
// Safe to end at any point and to run again: each file is replaced whole, and what arrived already is kept.
// One table's failure does not stop the others; it is in `errors`, and so is a manifest that cannot be had.
// Throws Failure for a client that is too old, Error when the workspace itself cannot be written.
PullResult pull(Api& api, const Workspace& workspace, const PullOptions& options);

// One at a time changes a workspace: the hook at a session's start and a pull by hand meet easily. Throws Cancelled at Ctrl-C.
UniqueFd lock_workspace(const Workspace& workspace, bool say_when_waiting);

// Ends requests and downloads at the first Ctrl-C, the program at the second, while it lives.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
};

}  // namespace agnes::cli
