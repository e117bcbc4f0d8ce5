#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "core/state/tx.h"
#include "lib/base/time.h"

namespace agnes::sync {

// A row of sync_state: the last sync of a table, by the name that its extract gives it.
struct SyncState {
  std::string table_id;
  std::optional<Timestamp> last_sync;
  std::optional<std::int64_t> rows, file_size_bytes, uncompressed_size_bytes, columns;
  std::optional<std::string> hash, status, error;
};
BOOST_DESCRIBE_STRUCT(SyncState, (),
                      (table_id, last_sync, rows, file_size_bytes, uncompressed_size_bytes, columns, hash,
                       status, error))

std::vector<SyncState> all_states(state::Tx& tx);
// Good syncs: each replaces its table's row and adds to the history (sync_history), as failed ones do. Once
// there are more than 200 entries a table, each table's latest 100 are kept.
void record_syncs(state::Tx& tx, const std::vector<SyncState>& states);

struct Failure {
  std::string table, error;
  std::int64_t duration_ms = 0;
  std::string kind = "failed";  // extracts::Problem::kind; `missing`: its source does not have it
};
BOOST_DESCRIBE_STRUCT(Failure, (), (table, error, duration_ms, kind))
// Failed ones: only status and error change, so the last good version stays described.
void record_failures(state::Tx& tx, const std::vector<Failure>& failures);

// What had failed and is well again, though nothing of it changed.
void clear_failures(state::Tx& tx, const std::vector<std::string>& tables);

}  // namespace agnes::sync
