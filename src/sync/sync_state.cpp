#include "sync/sync_state.h"

#include "base/ids.h"
#include "duck/rows.h"

namespace agnes::sync {

namespace {
constexpr int kHistoryPerTable = 100;

void add_history(duck::Connection& connection, const std::string& table, const std::optional<std::int64_t>& rows,
                 const std::optional<std::int64_t>& duration_ms, const char* status, const std::optional<std::string>& error) {
  connection.execute(
      "INSERT INTO sync_history (id, table_id, synced_at, rows, duration_ms, status, error) VALUES (?, ?, ?, ?, ?, ?, ?)",
      uuid4(), table, now(), rows, duration_ms, status, error);
  const auto count =
      duck::scalar<std::int64_t>(connection, "SELECT count(*) FROM sync_history WHERE table_id = ?", table);
  // Trimmed in bulk: a delete for each sync would rewrite the table's index each time.
  if (count.value_or(0) > 2 * kHistoryPerTable)
    connection.execute(
        "DELETE FROM sync_history WHERE table_id = ? AND id NOT IN "
        "(SELECT id FROM sync_history WHERE table_id = ? ORDER BY synced_at DESC LIMIT ?)",
        table, table, kHistoryPerTable);
}
}  // namespace

std::vector<SyncState> all_states(duck::Connection& connection) {
  return duck::rows<SyncState>(connection, "SELECT * FROM sync_state");
}

void record_sync(duck::Connection& connection, const SyncState& state, std::optional<std::int64_t> duration_ms) {
  connection.execute(
      "INSERT INTO sync_state (table_id, last_sync, rows, file_size_bytes, uncompressed_size_bytes, columns, hash, "
      "status, error) VALUES (?, ?, ?, ?, ?, ?, ?, 'ok', NULL) ON CONFLICT (table_id) DO UPDATE SET "
      "last_sync = excluded.last_sync, rows = excluded.rows, file_size_bytes = excluded.file_size_bytes, "
      "uncompressed_size_bytes = excluded.uncompressed_size_bytes, columns = excluded.columns, hash = excluded.hash, "
      "status = excluded.status, error = excluded.error",
      state.table_id, state.last_sync, state.rows, state.file_size_bytes, state.uncompressed_size_bytes.value_or(0),
      state.columns, state.hash);
  add_history(connection, state.table_id, state.rows, duration_ms, "ok", std::nullopt);
}

void record_failure(duck::Connection& connection, const std::string& table, const std::string& error,
                    std::optional<std::int64_t> duration_ms) {
  connection.execute(
      "INSERT INTO sync_state (table_id, status, error) VALUES (?, 'error', ?) "
      "ON CONFLICT (table_id) DO UPDATE SET status = excluded.status, error = excluded.error",
      table, error);
  add_history(connection, table, std::nullopt, duration_ms, "error", error);
}

}  // namespace agnes::sync
