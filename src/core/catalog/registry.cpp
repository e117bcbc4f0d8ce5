#include "core/catalog/registry.h"

#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::catalog {

namespace {

std::set<std::string>& kept_by_id() {
  static std::set<std::string> tables;
  return tables;
}

std::string select(std::string_view rest) {
  return fmt::format("SELECT {} FROM table_registry {}", state::column_list<Registration>(), rest);
}

}  // namespace

void declare_kept_by_id(const std::string& state_table) {
  kept_by_id().insert(state_table);
}

std::vector<Registration> all(state::Tx& tx) {
  return tx.rows<Registration>(select("ORDER BY name"));
}

std::optional<Registration> find(state::Tx& tx, std::string_view id) {
  return tx.row<Registration>(select("WHERE id = ?"), id);
}

void refuse_taken(state::Tx& tx, const Registration& row, const std::string& own) {
  const auto taken = tx.scalar<std::string>(
      "SELECT name FROM table_registry WHERE id <> ? AND (id IN (?, ?) OR lower(name) = lower(?) OR name = "
      "?) "
      "LIMIT 1",
      own, row.id, row.name, row.name, row.id);
  if (taken)
    throw Error(ErrorKind::conflict,
                fmt::format("a table named {} is registered already; choose another name", *taken));
}

void insert(state::Tx& tx, const Registration& row) {
  refuse_taken(tx, row);
  insert_all(tx, {row});
}

void insert_all(state::Tx& tx, const std::vector<Registration>& rows) {
  std::vector<std::string> ids;
  for (const auto& row : rows) ids.push_back(row.id);
  for (const auto& table : kept_by_id())
    tx.execute_for(fmt::format("DELETE FROM {} WHERE table_id IN", table), ids);
  tx.insert("table_registry", rows);
}

void update(state::Tx& tx, const Registration& row) {
  if (const auto before = find(tx, row.id); before && before->name != row.name) refuse_taken(tx, row, row.id);
  std::string assignments;
  std::vector<state::Value> values;
  boost::mp11::mp_for_each<boost::describe::describe_members<Registration, boost::describe::mod_public>>(
      [&](auto member) {
        assignments += fmt::format("{}{} = ?", assignments.empty() ? "" : ", ", state::quoted(member.name));
        values.push_back(state::param(row.*member.pointer));
      });
  values.push_back(state::param(row.id));
  tx.run(fmt::format("UPDATE table_registry SET {} WHERE id = ?", assignments), values);
}

bool remove(identity::Change& change, const std::string& id) {
  auto& tx = change.tx();
  const auto row = find(tx, id);
  if (!row) return false;
  tx.execute("DELETE FROM table_registry WHERE id = ?", id);
  change.erase_grants_of("table", id);
  // Sync state is kept by the name that an extract has, everything else by id.
  for (const char* table : {"sync_state", "sync_history"})
    tx.execute(fmt::format("DELETE FROM {} WHERE table_id IN (?, ?)", table), id, row->name);
  for (const auto& table : kept_by_id())
    tx.execute(fmt::format("DELETE FROM {} WHERE table_id = ?", table), id);
  tx.execute("DELETE FROM user_sync_settings WHERE dataset = ?", id);
  return true;
}

std::string id_for(std::string_view name) {
  std::string id = to_lower(trim(name));
  std::replace(id.begin(), id.end(), ' ', '_');
  return id;
}

}  // namespace agnes::catalog
