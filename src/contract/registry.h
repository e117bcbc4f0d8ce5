#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// The registered tables, as administrators see and change them: /api/admin/registry, /api/admin/register-table.
namespace agnes::contract {

struct RegisteredTable {
  std::string id, name;
  std::optional<std::string> source_type, bucket, source_table, source_query;
  std::string sync_strategy, query_mode;
  std::optional<std::string> sync_schedule;
  bool profile_after_sync = true;
  std::optional<std::vector<std::string>> primary_key;
  std::optional<std::string> folder, description, registered_by;
  std::optional<Timestamp> registered_at;
  std::optional<std::int64_t> incremental_window_days, max_history_days;
  std::optional<std::string> incremental_column;
  boost::json::value where_filters;
  std::optional<std::string> partition_by, partition_granularity;
  std::optional<std::int64_t> initial_load_chunk_days;
  std::optional<std::string> last_sync_error;
  std::string version;
  static constexpr json::Rule rules[] = {
      {.field = "where_filters", .description = "Conditions as they were registered; null without any"},
      {.field = "version", .description = "Another one after each change"}};
};
BOOST_DESCRIBE_STRUCT(RegisteredTable, (),
                      (id, name, source_type, bucket, source_table, source_query, sync_strategy, query_mode,
                       sync_schedule, profile_after_sync, primary_key, folder, description, registered_by,
                       registered_at, incremental_window_days, max_history_days, incremental_column,
                       where_filters, partition_by, partition_granularity, initial_load_chunk_days,
                       last_sync_error, version))
struct RegistryList {
  std::vector<RegisteredTable> tables;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(RegistryList, (), (tables, count))

struct Registered {
  enum class Status { registered, ok };  // ok: it can be queried at once
  BOOST_DESCRIBE_NESTED_ENUM(Status, registered, ok)
  std::string id, name;
  Status status = Status::registered;
  std::optional<std::string> view_name, message;
  static constexpr json::Rule rules[] = {{.field = "view_name", .omit_null = true},
                                         {.field = "message", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(Registered, (), (id, name, status, view_name, message))

struct RegistryUpdated {
  std::string id;
  std::vector<std::string> updated;
  std::string version;
};
BOOST_DESCRIBE_STRUCT(RegistryUpdated, (), (id, updated, version))

struct PrecheckedColumn {
  std::string name;
  std::optional<std::string> type;
};
BOOST_DESCRIBE_STRUCT(PrecheckedColumn, (), (name, type))
// A table that could be registered, as its source knows it.
struct PrecheckedTable {
  std::string name;
  std::optional<std::string> source_type, bucket, source_table;
  std::string query_mode;
  std::optional<std::int64_t> rows, size_bytes;
  std::vector<PrecheckedColumn> columns;
  std::optional<std::string> source_query, note, project_id, table_type;
  std::optional<std::int64_t> column_count;
  std::optional<std::vector<std::string>> primary_key_at_source;
};
BOOST_DESCRIBE_STRUCT(PrecheckedTable, (),
                      (name, source_type, bucket, source_table, query_mode, rows, size_bytes, columns,
                       source_query, note, project_id, table_type, column_count, primary_key_at_source))
struct Prechecked {
  bool ok = true;
  PrecheckedTable table;
};
BOOST_DESCRIBE_STRUCT(Prechecked, (), (ok, table))

}  // namespace agnes::contract
