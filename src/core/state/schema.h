#pragma once

#include <string>
#include <string_view>
#include <vector>

// The tables of system.duckdb. Each module declares those that it uses; a fresh file is made of all of them, and an
// older one is brought to them. Together they are schema 40 of the contract, tests/unit/state/schema_v40.tsv.
namespace agnes::state {

// The schema version that this program reads and writes (contract: state tables).
inline constexpr int kSchemaVersion = 40;

// What declarations are made of.
namespace types {
inline constexpr std::string_view kText = "VARCHAR", kTexts = "VARCHAR[]", kJson = "JSON", kInt = "INTEGER",
                                  kLong = "BIGINT", kReal = "DOUBLE", kBool = "BOOLEAN", kTime = "TIMESTAMP",
                                  kNow = "current_timestamp";
inline constexpr bool kRequired = true, kNullable = false;
}  // namespace types

struct Column {
  std::string_view name;
  std::string_view type;           // as DuckDB names it
  bool required = false;           // NOT NULL; columns of the primary key are anyway
  std::string_view fallback = {};  // SQL of the default; none when empty
  bool operator==(const Column&) const = default;
};

struct Reference {
  std::string_view column, table, target;
  bool operator==(const Reference&) const = default;
};

struct Index {
  std::string_view name;
  std::vector<std::string_view> columns;
  bool operator==(const Index&) const = default;
};

struct Table {
  std::string_view name;
  std::vector<Column> columns;
  std::vector<std::string_view> primary_key = {};
  std::vector<std::vector<std::string_view>> uniques = {};
  std::vector<std::string_view> checks = {};  // SQL conditions
  std::vector<Reference> references = {};
  std::vector<Index> indexes = {};
  bool operator==(const Table&) const = default;
};

// For a module's `declare`, thus before a state database is opened: adds a table, after those that it references. Its
// texts must outlive the program. Declaring the same again does nothing. Throws std::logic_error when it differs from
// one of that name, or references one that is not declared. Not thread-safe.
void declare_table(Table table);
// Tables of the contract whose features are not built.
void declare_contract_tables();
// Every declared table, each after those that it references.
const std::vector<Table>& schema();

// CREATE TABLE and its CREATE INDEX statements.
std::string create_sql(const Table& table);

}  // namespace agnes::state
