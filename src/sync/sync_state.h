#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/time.h"
#include "duck/database.h"

namespace agnes::sync {

// A row of sync_state: the last sync of a table, by the name that its extract gives it.
struct SyncState {
  std::string table_id;
  std::optional<Timestamp> last_sync;
  std::optional<std::int64_t> rows, file_size_bytes, uncompressed_size_bytes, columns;
  std::optional<std::string> hash, status, error;
};
BOOST_DESCRIBE_STRUCT(SyncState, (),
                      (table_id, last_sync, rows, file_size_bytes, uncompressed_size_bytes, columns, hash, status, error))

std::vector<SyncState> all_states(duck::Connection& connection);
// A good sync: replaces the row and adds to the history, of which each table keeps the latest 100.
void record_sync(duck::Connection& connection, const SyncState& state, std::optional<std::int64_t> duration_ms);
// A failed one: only status and error change, so the last good version stays described.
void record_failure(duck::Connection& connection, const std::string& table, const std::string& error,
                    std::optional<std::int64_t> duration_ms);

}  // namespace agnes::sync
