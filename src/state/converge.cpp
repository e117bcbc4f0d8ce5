#include "state/converge.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/time.h"
#include "duck/rows.h"
#include "state/schema.h"

namespace agnes::state {

namespace {
struct Place {
  std::string table_name, column_name;
};
BOOST_DESCRIBE_STRUCT(Place, (), (table_name, column_name))
}  // namespace

bool is_complete(duck::Connection& connection) {
  std::set<std::pair<std::string, std::string>> there;
  for (auto& place : duck::rows<Place>(
           connection,
           "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'main'"))
    there.emplace(std::move(place.table_name), std::move(place.column_name));
  for (const auto& table : schema())
    for (const auto& column : table.columns)
      if (!there.contains({std::string(table.name), std::string(column.name)})) return false;
  return true;
}

void fill_fresh(duck::Connection& connection) {
  connection.execute("INSERT INTO schema_version (version, applied_at) VALUES (?, ?)", kSchemaVersion, now());
  connection.execute("INSERT INTO setup_banner (id) VALUES (1)");
  for (const char* key : {"welcome", "claude_md", "home"})
    connection.execute("INSERT INTO instance_templates (key) VALUES (?)", key);
}

void converge(duck::Connection&, int version) {
  throw Error(ErrorKind::not_implemented,
              fmt::format("the state database has schema version {}; this program opens {} only for now",
                          version, kSchemaVersion));
}

}  // namespace agnes::state
