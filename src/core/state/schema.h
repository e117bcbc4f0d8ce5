#pragma once

#include <string>
#include <string_view>
#include <vector>

// The tables of system.duckdb, declared once: a fresh file is made of them and an older one is brought to
// them.
namespace agnes::state {

// The schema version that this program reads and writes (contract: state tables).
inline constexpr int kSchemaVersion = 40;

struct Column {
  std::string_view name;
  std::string_view type;           // as DuckDB names it
  bool required = false;           // NOT NULL; columns of the primary key are anyway
  std::string_view fallback = {};  // SQL of the default; none when empty
};

struct Reference {
  std::string_view column, table, target;
};

struct Index {
  std::string_view name;
  std::vector<std::string_view> columns;
};

struct Table {
  std::string_view name;
  std::vector<Column> columns;
  std::vector<std::string_view> primary_key = {};
  std::vector<std::vector<std::string_view>> uniques = {};
  std::vector<std::string_view> checks = {};  // SQL conditions
  std::vector<Reference> references = {};
  std::vector<Index> indexes = {};
};

// Every table, each after those that it references.
const std::vector<Table>& schema();
// Adds a module's own table; one of that name is replaced. For a module's `declare`: before a state database is opened.
// Not thread-safe.
void declare_table(Table table);
const Table& table(std::string_view name);

// CREATE TABLE and its CREATE INDEX statements.
std::string create_sql(const Table& table);

}  // namespace agnes::state
