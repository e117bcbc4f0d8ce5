#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// What a caller may read: /api/catalog/tables, /api/v2/catalog, /api/v2/schema, /api/v2/sample.
namespace agnes::contract {

struct TableBrief {
  std::string id, name, description, source_type, sync_strategy, query_mode;
};
BOOST_DESCRIBE_STRUCT(TableBrief, (), (id, name, description, source_type, sync_strategy, query_mode))
struct TableBriefs {
  std::vector<TableBrief> tables;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(TableBriefs, (), (tables, count))

struct CatalogueTable {
  std::string id, name, description, source_type, query_mode, sql_flavor;
  std::vector<std::string> where_examples;
  std::string fetch_via;
  std::optional<std::string> rough_size_hint;
  std::optional<std::int64_t> rows, size_bytes;
  std::optional<std::string> partition_by;
  std::vector<std::string> clustered_by;
  std::optional<std::string> entity_type;
  std::string metadata_freshness = "not_applicable";
};
BOOST_DESCRIBE_STRUCT(CatalogueTable, (),
                      (id, name, description, source_type, query_mode, sql_flavor, where_examples, fetch_via,
                       rough_size_hint, rows, size_bytes, partition_by, clustered_by, entity_type,
                       metadata_freshness))
struct Catalogue {
  std::vector<CatalogueTable> tables;
  std::string server_time;
};
BOOST_DESCRIBE_STRUCT(Catalogue, (), (tables, server_time))

struct SchemaColumn {
  std::string name, type;
  bool nullable = false;
  std::string description;
};
BOOST_DESCRIBE_STRUCT(SchemaColumn, (), (name, type, nullable, description))
// What is different in the SQL of the table's engine, each with an example; empty where it is DuckDB's.
struct DialectHints {
  std::optional<std::string> date_literal, timestamp_literal, interval_subtract, regex, cast;
  static constexpr json::Rule rules[] = {{.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(DialectHints, (), (date_literal, timestamp_literal, interval_subtract, regex, cast))
struct TableSchema {
  std::string table_id, source_type, sql_flavor;
  std::vector<SchemaColumn> columns;
  std::optional<std::string> partition_by;
  std::vector<std::string> clustered_by;
  DialectHints where_dialect_hints;
};
BOOST_DESCRIBE_STRUCT(TableSchema, (),
                      (table_id, source_type, sql_flavor, columns, partition_by, clustered_by,
                       where_dialect_hints))

struct TableSample {
  std::string table_id;
  boost::json::array rows;
  std::string source;
  static constexpr json::Rule rules[] = {
      {.field = "rows", .description = "Objects by column name, with values as the table's engine has them"}};
};
BOOST_DESCRIBE_STRUCT(TableSample, (), (table_id, rows, source))

}  // namespace agnes::contract
