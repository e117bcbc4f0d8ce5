#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "core/identity/change.h"
#include "core/state/store.h"
#include "lib/base/time.h"

namespace agnes::catalog {

struct Table;
// What else of the state names a table, for its profile: [{"name", "file"}].
using TableUses = std::function<boost::json::array(state::Tx&, const Table&)>;

// Where a table's rows are: brought by a sync, left at the source, or what a query there found. Rows of older versions may
// have another word, which is none of these.
enum class QueryMode { local, remote, materialized };
BOOST_DESCRIBE_ENUM(QueryMode, local, remote, materialized)
inline std::string_view name_of(QueryMode mode) {
  return boost::describe::enum_to_string(mode, "");
}

// What registrations call tables of files.
inline constexpr std::string_view kFilesType = "local";
// The folder below extracts/ of that source.
inline constexpr std::string_view kFilesFolder = "files";

// A row of table_registry. `primary_key` and `where_filters` hold JSON text, as existing databases do.
struct Registration {
  std::string id, name;
  std::optional<std::string> source_type, bucket, source_table, source_query;
  std::string sync_strategy = "full_refresh", query_mode{name_of(QueryMode::local)};
  std::optional<std::string> sync_schedule;
  bool profile_after_sync = true;
  std::optional<std::string> primary_key, folder, description, registered_by;
  std::optional<Timestamp> registered_at;
  std::optional<std::int64_t> incremental_window_days, max_history_days;
  std::optional<std::string> incremental_column, where_filters, partition_by, partition_granularity;
  std::optional<std::int64_t> initial_load_chunk_days;
};
BOOST_DESCRIBE_STRUCT(Registration, (),
                      (id, name, source_type, bucket, source_table, source_query, sync_strategy, query_mode,
                       sync_schedule, profile_after_sync, primary_key, folder, description, registered_by,
                       registered_at, incremental_window_days, max_history_days, incremental_column,
                       where_filters, partition_by, partition_granularity, initial_load_chunk_days))

// Of a Registration, or anything else with a query_mode.
template <class Row>
bool is_local(const Row& row) {
  return row.query_mode == name_of(QueryMode::local);
}
template <class Row>
bool is_remote(const Row& row) {
  return row.query_mode == name_of(QueryMode::remote);
}
template <class Row>
bool is_materialized(const Row& row) {
  return row.query_mode == name_of(QueryMode::materialized);
}

// Says that the rows of a table of the state database hang on a table's id (its column table_id), so that they go with its
// registration. For `declare` of the module that has it.
void declare_kept_by_id(const std::string& state_table);

// The registered tables. Each function runs in the caller's transaction or read.
std::vector<Registration> all(state::Tx& tx);
std::optional<Registration> find(state::Tx& tx, std::string_view id);
// Throws Error (conflict) when the id or the name is another table's id or name, without regard to the names' case.
// A table of the id `own` is the same one.
void refuse_taken(state::Tx& tx, const Registration& row, const std::string& own = "");
// The same, then adds it. What was kept under its id before, of a table that nobody had registered, is gone.
void insert(state::Tx& tx, const Registration& row);
// Adds rows whose ids and names are known to be free.
void insert_all(state::Tx& tx, const std::vector<Registration>& rows);
void update(state::Tx& tx, const Registration& row);
// The registration and everything that hangs on it: grants, sync state and history, profile, column metadata,
// subscriptions. False when there was none.
bool remove(identity::Change& change, const std::string& id);

// The id that a name becomes: lower case, spaces as '_'.
std::string id_for(std::string_view name);

}  // namespace agnes::catalog
