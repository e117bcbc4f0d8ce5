#include "cli/api.h"
#include "cli/commands/catalog_metrics.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/catalogue.h"
#include "contract/read.h"

namespace agnes::cli {

namespace {
void list_tables(const Args& args) {
  Api api;
  Params params;
  if (args.flag("refresh")) params.emplace_back("refresh", "1");
  const Response response = api.get("/api/v2/catalog", params);
  expect(response, {200}, "list the tables", 5);
  const auto answer = response.json();
  if (args.flag("json")) return print("{}", pretty(answer));
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : contract::read<contract::Catalogue>(answer).tables)
    rows.push_back(
        {table.id, table.source_type, table.query_mode, table.sql_flavor, table.name, table.description});
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
                       .help = "Have the server ask the engines instead of its cache"},
                      {.names = "--metrics", .value = "", .help = "List the metrics instead of the tables"},
                      {.names = "--show", .value = "ID", .help = "With --metrics: all about one metric"}},
          .run = run};
}

}  // namespace agnes::cli
