#include "core/catalog/registry.h"

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::catalog {

namespace {

template <class T>
std::vector<duck::Value> values_of(const T& row) {
  std::vector<duck::Value> out;
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
      [&](auto member) { out.push_back(duck::detail::to_param(row.*member.pointer)); });
  return out;
}

std::string select(std::string_view rest) {
  return fmt::format("SELECT {} FROM table_registry {}", duck::column_list<Registration>(), rest);
}

}  // namespace

std::vector<Registration> all(duck::Connection& connection) {
  return duck::rows<Registration>(connection, select("ORDER BY name"));
}

std::optional<Registration> find(duck::Connection& connection, std::string_view id) {
  return duck::row<Registration>(connection, select("WHERE id = ?"), id);
}

void refuse_taken(duck::Connection& connection, const Registration& row) {
  const auto taken = duck::scalar<std::string>(
      connection, "SELECT name FROM table_registry WHERE id = ? OR lower(name) = lower(?) LIMIT 1", row.id,
      row.name);
  if (taken)
    throw Error(ErrorKind::conflict,
                fmt::format("a table named {} is registered already; choose another name", *taken));
}

void insert(duck::Connection& connection, const Registration& row) {
  refuse_taken(connection, row);
  insert_all(connection, {row});
}

void insert_all(duck::Connection& connection, const std::vector<Registration>& rows) {
  duck::insert_rows(connection, "table_registry", rows);
}

void update(duck::Connection& connection, const Registration& row) {
  const auto taken = duck::scalar<std::string>(
      connection, "SELECT id FROM table_registry WHERE lower(name) = lower(?) AND id <> ? LIMIT 1", row.name,
      row.id);
  if (taken)
    throw Error(ErrorKind::conflict,
                fmt::format("the name {} belongs to the table {}; choose another name", row.name, *taken));
  std::string assignments;
  boost::mp11::mp_for_each<boost::describe::describe_members<Registration, boost::describe::mod_public>>(
      [&](auto member) {
        assignments +=
            fmt::format("{}{} = ?", assignments.empty() ? "" : ", ", duck::quote_identifier(member.name));
      });
  auto values = values_of(row);
  values.emplace_back(row.id);
  connection.execute_bound(fmt::format("UPDATE table_registry SET {} WHERE id = ?", assignments), values);
}

bool remove(duck::Connection& connection, const std::string& id) {
  const auto row = find(connection, id);
  if (!row) return false;
  connection.execute("DELETE FROM table_registry WHERE id = ?", id);
  connection.execute("DELETE FROM resource_grants WHERE resource_type = 'table' AND resource_id = ?", id);
  // Sync state is kept by the name that an extract has, everything else by id.
  for (const char* table : {"sync_state", "sync_history"})
    connection.execute(fmt::format("DELETE FROM {} WHERE table_id IN (?, ?)", table), id, row->name);
  for (const char* table : {"table_profiles", "column_metadata", "bq_metadata_cache"})
    connection.execute(fmt::format("DELETE FROM {} WHERE table_id = ?", table), id);
  connection.execute("DELETE FROM user_sync_settings WHERE dataset = ?", id);
  return true;
}

std::string id_for(std::string_view name) {
  std::string id = to_lower(trim(name));
  std::replace(id.begin(), id.end(), ' ', '_');
  return id;
}

}  // namespace agnes::catalog
