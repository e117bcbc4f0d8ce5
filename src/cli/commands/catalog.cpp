#include "cli/api.h"
#include "cli/commands/catalog_metrics.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
std::vector<json::object> objects(const json::value& list) {
  std::vector<json::object> out;
  if (list.is_array())
    for (const auto& item : list.get_array())
      if (item.is_object()) out.push_back(item.get_object());
  return out;
}
const json::value& member(const json::value& value, std::string_view key) {
  static const json::value kNone;
  const auto* found = value.is_object() ? value.get_object().if_contains(key) : nullptr;
  return found == nullptr ? kNone : *found;
}

void list_tables(const Args& args) {
  Api api;
  Params params;
  if (args.flag("refresh")) params.emplace_back("refresh", "1");
  const Response response = api.get("/api/v2/catalog", params);
  expect(response, {200}, "list the tables", 5);
  const auto answer = response.json();
  if (args.flag("json")) return print("{}", pretty(answer));
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : objects(member(answer, "tables")))
    rows.push_back({plain(table, "id"), plain(table, "source_type"), plain(table, "query_mode"),
                    plain(table, "sql_flavor"), plain(table, "name"), plain(table, "description")});
  if (rows.empty())
    return print("No tables yet: ask an administrator of {} to grant you some.", api.server());
  out(columns_text({"ID", "SOURCE", "MODE", "SQL", "NAME", "DESCRIPTION"}, rows));
}

void run(const Args& args) {
  if (!args.flag("metrics")) return list_tables(args);
  if (const auto id = args.find("show")) return show_metric(*id, args.flag("json"));
  list_metrics(args.flag("json"));
}
}  // namespace

Command catalog_command() {
  return {.name = "catalog",
          .help = "List the tables that you may see, or the metrics",
          .options = {{.names = "--json", .value = "", .help = "Print the server's answer as JSON"},
                      {.names = "--refresh",
                       .value = "",
                       .help = "Have the server look anew instead of in its cache"},
                      {.names = "--metrics", .value = "", .help = "List the metrics instead of the tables"},
                      {.names = "--show", .value = "ID", .help = "With --metrics: all about one metric"}},
          .run = run};
}

}  // namespace agnes::cli
