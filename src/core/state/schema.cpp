#include "core/state/schema.h"

#include <fmt/format.h>

#include "lib/duck/database.h"

namespace agnes::state {

namespace {

std::string names(const std::vector<std::string_view>& columns) {
  std::string out;
  for (auto column : columns) out += (out.empty() ? "" : ", ") + duck::quote_identifier(column);
  return out;
}

std::vector<Table>& declared() {
  static std::vector<Table> tables;
  return tables;
}

const Table* find(std::string_view name) {
  const auto& tables = declared();
  const auto found =
      std::find_if(tables.begin(), tables.end(), [&](const Table& table) { return table.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

}  // namespace

void declare_table(Table table) {
  if (const auto* known = find(table.name)) {
    if (*known == table) return;
    throw std::logic_error(fmt::format("two modules declare a table {}, and not the same one", table.name));
  }
  for (const auto& reference : table.references)
    if (find(reference.table) == nullptr)
      throw std::logic_error(fmt::format("the table {} references {}, which no module before declares",
                                         table.name, reference.table));
  declared().push_back(std::move(table));
}

const std::vector<Table>& schema() {
  return declared();
}

std::string create_sql(const Table& table) {
  std::vector<std::string> parts;
  for (const auto& column : table.columns) {
    std::string part = fmt::format("{} {}", duck::quote_identifier(column.name), column.type);
    if (column.required) part += " NOT NULL";
    if (!column.fallback.empty()) part += fmt::format(" DEFAULT {}", column.fallback);
    parts.push_back(std::move(part));
  }
  if (!table.primary_key.empty()) parts.push_back(fmt::format("PRIMARY KEY ({})", names(table.primary_key)));
  for (const auto& unique : table.uniques) parts.push_back(fmt::format("UNIQUE ({})", names(unique)));
  for (const auto& check : table.checks) parts.push_back(fmt::format("CHECK ({})", check));
  for (const auto& reference : table.references)
    parts.push_back(
        fmt::format("FOREIGN KEY ({}) REFERENCES {} ({})", duck::quote_identifier(reference.column),
                    duck::quote_identifier(reference.table), duck::quote_identifier(reference.target)));
  std::string sql =
      fmt::format("CREATE TABLE {} ({});", duck::quote_identifier(table.name), fmt::join(parts, ", "));
  for (const auto& index : table.indexes)
    sql += fmt::format(" CREATE INDEX {} ON {} ({});", duck::quote_identifier(index.name),
                       duck::quote_identifier(table.name), names(index.columns));
  return sql;
}

}  // namespace agnes::state
