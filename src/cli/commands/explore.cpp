#include "cli/api.h"
#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/local_data.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/profile.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::cli {

namespace {
constexpr int kSampleRows = 5;

struct Column {
  std::string name, type, nullable;
};
BOOST_DESCRIBE_STRUCT(Column, (), (name, type, nullable))

struct Explored {
  std::string table;
  std::int64_t row_count = 0;
  std::vector<Column> columns;
  std::vector<boost::json::object> sample_rows;
};
BOOST_DESCRIBE_STRUCT(Explored, (), (table, row_count, columns, sample_rows))

// The table or view of the workspace, in any case.
std::string local_name(duck::Connection& connection, const std::string& name) {
  Nearest nearest(name, 4);
  for (const auto& row :
       connection
           .execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' "
                    "AND table_catalog = current_database() ORDER BY ALL")
           .rows()) {
    const auto& found = std::get<std::string>(row.at(0));
    if (iequals(found, name)) return found;
    nearest.offer(found);
  }
  throw Failure(Cause::not_found, "the workspace has no table " + escape_control(name),
                meant(nearest, "agnes explore --remote asks the server, agnes catalog lists what there is"));
}

void explore_here(const Args& args) {
  auto database = open_local({workspace_folder()});
  auto connection = database.connect();
  Explored found;
  found.table = local_name(connection, args.text("TABLE"));
  const auto from = "FROM " + duck::quote_identifier(found.table);
  found.row_count = duck::scalar<std::int64_t>(connection, "SELECT count(*) " + from).value_or(0);
  for (const auto& row : connection.execute("DESCRIBE " + duck::quote_identifier(found.table)).rows())
    found.columns.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1)),
                             std::get<std::string>(row.at(2))});
  auto result = connection.stream(fmt::format("{} LIMIT {}", from, kSampleRows));
  ResultReader reader(result);
  ResultTable sample{.columns = reader.columns(), .rows = {}};
  for (auto chunk = reader.next(); !chunk.empty(); chunk = reader.next())
    for (auto& row : chunk) sample.rows.push_back(std::move(row));
  if (!args.json()) {
    print("{}: {} rows, {} columns", bold(found.table), with_thousands(found.row_count),
          found.columns.size());
    std::vector<std::vector<std::string>> rows;
    for (const auto& column : found.columns) rows.push_back({escape_control(column.name), column.type});
    out(columns_text({"COLUMN", "TYPE"}, rows));
    print("");
    return out(table_text(sample, {.width = terminal_width(), .cut = is_terminal_out()}));
  }
  for (const auto& row : sample.rows) found.sample_rows.push_back(json_object(sample.columns, row));
  print_json(json::to_json(found));
}

// As the server has computed it.
void explore_there(const Args& args) {
  Api api;
  const auto table = args.text("TABLE");
  print_json(fetch_json(api, "/api/catalog/profile/" + http_client::percent_encode(table),
                        "get the profile of " + escape_control(table)));
}

void run(const Args& args) {
  args.flag("remote") ? explore_there(args) : explore_here(args);
}
}  // namespace

Command explore_command() {
  return {.name = "explore",
          .help = "Show a table of the workspace: columns, rows, a sample; or the server's profile of it",
          .arguments = {{.name = "TABLE", .help = "A table, a snapshot or a view of yours"}},
          .options = {{.names = "--remote",
                       .value = "",
                       .help = "The server's profile, with figures of each column"}},
          .run = {run, {{"", &json::schema<Explored>}, {"--remote", &json::schema<contract::TableProfile>}}}};
}

}  // namespace agnes::cli
