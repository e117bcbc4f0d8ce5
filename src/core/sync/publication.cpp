#include "core/sync/publication.h"

#include <map>
#include <unordered_set>

namespace agnes::sync {

namespace {

using Engines = std::map<std::pair<std::string, std::string>, std::shared_ptr<const catalog::RemoteEngine>>;

// By source and alias.
Engines engines_of(const extracts::Catalogue& catalogue) {
  Engines out;
  for (const auto& a : catalogue.remote_attaches)
    out[{a.source, a.alias}] = std::make_shared<const catalog::RemoteEngine>(
        catalog::RemoteEngine{a.extension, a.alias, a.url, a.token_env});
  return out;
}

bool is_in_database(const extracts::CatalogueTable& table) {
  return table.kind == "database";
}

catalog::Table described(const extracts::CatalogueTable& found, const Engines& engines) {
  catalog::Table table;
  table.id = table.name = found.name;
  table.source = found.source;
  table.query_mode = found.query_mode.empty() ? "local" : found.query_mode;
  table.description = found.description;
  table.hash = found.hash;
  table.rows = found.rows;
  table.size_bytes = static_cast<std::int64_t>(found.size_bytes);
  table.updated = found.extracted_at;
  table.union_by_name = found.union_by_name;
  for (const auto& column : found.columns) table.columns.push_back({column.name, column.type, true});
  if (found.kind == "remote") {
    table.remote = engines.at({found.source, found.alias});
    table.remote_view = found.view_sql;
    return table;
  }
  for (const auto& file : found.files) table.files.push_back(file.path);
  if (is_in_database(found)) {
    table.attach_file = found.attach_file;
    table.attach_name = found.name;
  }
  return table;
}

void adopt(catalog::Table& table, const catalog::Registration& row) {
  table.id = row.id;
  table.name = row.name;
  table.registered = true;
  table.source_type = row.source_type.value_or("");
  // Where the rows are the extract knows best.
  if (table.remote == nullptr) table.query_mode = row.query_mode;
  table.sync_strategy = row.sync_strategy;
  table.description = row.description.value_or("");
}

}  // namespace

std::string home_of(const catalog::Registration& row) {
  auto type = row.source_type.value_or("");
  return type == catalog::kFilesType ? "" : type;
}

bool holds_data(const extracts::CatalogueTable& table) {
  return table.kind != "remote" && (!table.files.empty() || is_in_database(table));
}

std::vector<catalog::Table> next_tables(const extracts::Catalogue& catalogue,
                                        const RegistrySnapshot& registry) {
  std::vector<catalog::Table> tables;
  tables.reserve(catalogue.tables.size() + registry.tables().size());
  const Engines engines = engines_of(catalogue);
  std::unordered_set<std::string> placed;  // in lower case
  std::unordered_set<std::string_view> ids;
  for (const auto& row : registry.tables()) ids.insert(row.id);
  for (const auto& found : catalogue.tables) {
    const auto* row = registry.find(found.name);
    // Grants of a registered table open its own source's, and no other that has the name.
    if (row != nullptr)
      if (const auto home = home_of(*row); !home.empty() && home != found.source) continue;
    catalog::Table table = described(found, engines);
    if (row != nullptr) adopt(table, *row);
    if (const auto* state = registry.state_of(found.name); state != nullptr && state->last_sync)
      table.updated = state->last_sync;
    // An id is one table's: a registered one has it whatever the name of another. No registered id has a '/'.
    if (!table.registered && ids.contains(table.id)) table.id = table.source + "/" + table.name;
    placed.insert(to_lower(found.name));
    tables.push_back(std::move(table));
  }
  for (const auto& row : registry.tables()) {
    if (placed.contains(to_lower(row.name))) continue;
    catalog::Table table;
    adopt(table, row);
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace agnes::sync
