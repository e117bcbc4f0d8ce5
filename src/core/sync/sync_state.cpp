#include "core/sync/sync_state.h"

#include "lib/base/ids.h"

namespace agnes::sync {

namespace {

constexpr std::int64_t kHistoryPerTable = 100;

struct History {
  std::string id = uuid4(), table_id;
  Timestamp synced_at = now();
  std::optional<std::int64_t> rows, duration_ms;
  std::string status;
  std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(History, (), (id, table_id, synced_at, rows, duration_ms, status, error))

struct FailedState {
  std::string table_id, status, error;
};
BOOST_DESCRIBE_STRUCT(FailedState, (), (table_id, status, error))

// Keeps each table's latest entries; does nothing until there are many more.
void trim_history(state::Tx& tx) {
  const auto excess = tx.scalar<std::int64_t>(
      "SELECT count(*) - count(DISTINCT table_id) * ? FROM sync_history", 2 * kHistoryPerTable);
  if (excess.value_or(0) <= 0) return;
  tx.execute(
      "DELETE FROM sync_history WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER "
      "(PARTITION BY table_id ORDER BY synced_at DESC) AS place FROM sync_history) AS ranked WHERE place > "
      "?)",
      kHistoryPerTable);
}

void add_history(state::Tx& tx, const std::vector<History>& history) {
  tx.insert("sync_history", history);
  trim_history(tx);
}

}  // namespace

std::vector<SyncState> all_states(state::Tx& tx) {
  return tx.rows<SyncState>("SELECT * FROM sync_state");
}

void record_syncs(state::Tx& tx, const std::vector<SyncState>& states) {
  std::vector<History> history;
  for (const auto& state : states)
    history.push_back(
        {.table_id = state.table_id, .rows = state.rows, .duration_ms = {}, .status = "ok", .error = {}});
  tx.insert("sync_state", states,
            "ON CONFLICT (table_id) DO UPDATE SET last_sync = excluded.last_sync, rows = excluded.rows, "
            "file_size_bytes = excluded.file_size_bytes, "
            "uncompressed_size_bytes = excluded.uncompressed_size_bytes, columns = excluded.columns, "
            "hash = excluded.hash, status = excluded.status, error = excluded.error");
  add_history(tx, history);
}

void record_failures(state::Tx& tx, const std::vector<Failure>& failures) {
  std::vector<FailedState> states;
  std::vector<History> history;
  for (const auto& failure : failures) {
    states.push_back({failure.table, "error", failure.error});
    history.push_back({.table_id = failure.table,
                       .rows = {},
                       .duration_ms = failure.duration_ms,
                       .status = "error",
                       .error = failure.error});
  }
  tx.insert("sync_state", states,
            "ON CONFLICT (table_id) DO UPDATE SET status = excluded.status, error = excluded.error");
  add_history(tx, history);
}

void clear_failures(state::Tx& tx, const std::vector<std::string>& tables) {
  tx.execute_for("UPDATE sync_state SET status = 'ok', error = NULL WHERE status = 'error' AND table_id IN",
                 tables);
}

}  // namespace agnes::sync
