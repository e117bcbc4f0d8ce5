#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/workspace.h"
#include "contract/scan.h"

// Parts of tables that somebody keeps in their workspace: user/snapshots/NAME.parquet, and NAME.meta.json as the contract's
// client writes it. Each is a view of analytics.duckdb.
namespace agnes::cli {

struct Snapshot {
  std::string name, table_id;
  std::optional<std::vector<std::string>> select;
  std::optional<std::string> where;
  std::optional<std::int64_t> limit;
  std::optional<std::vector<std::string>> order_by;
  std::string fetched_at, effective_as_of;
  std::int64_t rows = 0, bytes_local = 0, estimated_scan_bytes_at_fetch = 0;
  std::string result_hash_md5;            // of the file's first megabyte
  std::optional<std::string> expires_at;  // when `agnes snapshot prune` may remove it
  static constexpr json::Rule rules[] = {
      {.field = "expires_at", .description = "with --ttl", .omit_null = true}};

  contract::ScanRequest request() const { return {table_id, select, where, limit, order_by}; }
};
BOOST_DESCRIBE_STRUCT(Snapshot, (),
                      (name, table_id, select, where, limit, order_by, fetched_at, effective_as_of, rows,
                       bytes_local, estimated_scan_bytes_at_fetch, result_hash_md5, expires_at))

// By name. Those whose description cannot be read are left out.
std::vector<Snapshot> list_snapshots(const Workspace& workspace);
// In any case. Throws Failure (not_found) with what comes close.
Snapshot find_snapshot(const Workspace& workspace, const std::string& name);

// What the snapshots of the workspace take, and may: AGNES_SNAPSHOT_QUOTA_GB, 10. Throws Failure (usage).
struct SnapshotSpace {
  std::uint64_t used = 0, quota = 0;
};
SnapshotSpace snapshot_space(const Workspace& workspace);

// Fetches what `wanted` asks for and puts it in place of a snapshot of that name, if there is one and `replace`; that stays
// until all of the new one has come. In bounded memory. Throws Failure when one is there already, when the quota is
// reached, and for what the server refuses.
Snapshot fetch_snapshot(Api& api, const Workspace& workspace, Snapshot wanted, bool replace);

// Removes the file and the view.
void drop_snapshots(const Workspace& workspace, const std::vector<Snapshot>& snapshots);

}  // namespace agnes::cli
