#include "cli/api.h"
#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/catalogue.h"
#include "contract/read.h"
#include "lib/base/text.h"

// agnes schema, agnes describe, and agnes sample, which is another name for it.
namespace agnes::cli {

namespace json = boost::json;

namespace {
// The contract's exit codes: 5 the server's fault, 8 not allowed, 2 anything else.
Response fetch_table(Api& api, const std::string& path, const std::string& table, const Params& params = {}) {
  Response response = api.get(path + http_client::percent_encode(table), params);
  expect(response, {200}, "describe " + escape_control(table),
         response.status >= 500   ? 5
         : response.status == 403 ? 8
                                  : 2);
  return response;
}

void print_columns(const contract::TableSchema& schema) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& column : schema.columns)
    rows.push_back({column.name, column.type, column.nullable ? "yes" : "no", column.description});
  out(columns_text({"COLUMN", "TYPE", "NULL", "DESCRIPTION"}, rows));
}

void print_heading(const contract::TableSchema& schema) {
  print("{} ({}, {} SQL)", bold(escape_control(schema.table_id)), escape_control(schema.source_type),
        escape_control(schema.sql_flavor));
}

void run_schema(const Args& args) {
  Api api;
  const auto answer = fetch_table(api, "/api/v2/schema/", args.text("TABLE")).json();
  if (args.flag("json")) return print("{}", pretty(answer));
  const auto schema = contract::read<contract::TableSchema>(answer);
  print_heading(schema);
  print_columns(schema);
  if (!schema.partition_by.value_or("").empty()) print("Partitioned by: {}", *schema.partition_by);
  if (!schema.clustered_by.empty()) print("Clustered by: {}", join(schema.clustered_by, ", "));
  const auto hints = agnes::json::to_json(schema.where_dialect_hints);
  for (const auto& hint : hints.as_object())
    print("WHERE with {}: {}", std::string_view(hint.key()), escape_control(plain(hint.value())));
}

void run_describe(const Args& args) {
  Api api;
  const std::string table = args.text("TABLE");
  const auto rows = args.find_number("rows").value_or(5);
  const auto schema = fetch_table(api, "/api/v2/schema/", table);
  const auto sample = fetch_table(api, "/api/v2/sample/", table, {{"n", std::to_string(rows)}});
  const ResultTable result = read_remote_sample(sample.body);
  if (args.flag("json"))
    return print("{}", pretty_text(fmt::format(R"({{"schema":{},"sample":{}}})",
                                               json::serialize(schema.json()), sample.body)));
  const auto described = contract::read<contract::TableSchema>(schema.json());
  print_heading(described);
  print_columns(described);
  print("");
  if (result.rows.empty()) return print("No rows.");
  print("{} rows of it:", result.rows.size());
  out(table_text(result, {.width = terminal_width(), .cut = is_terminal_out()}));
}

Command describing(const char* name, const char* help) {
  return {.name = name,
          .help = help,
          .arguments = {{.name = "TABLE", .help = "The table's id, as agnes catalog shows it"}},
          .options = {{.names = "-n,--rows", .value = "ROWS", .help = "How many rows", .fallback = "5"},
                      {.names = "--json", .value = "", .help = "Print the server's answers as JSON"}},
          .run = run_describe};
}
}  // namespace

Command schema_command() {
  return {.name = "schema",
          .help = "Show a table's columns",
          .arguments = {{.name = "TABLE", .help = "The table's id, as agnes catalog shows it"}},
          .options = {{.names = "--json", .value = "", .help = "Print the server's answer as JSON"}},
          .run = run_schema};
}
Command describe_command() {
  return describing("describe", "Show a table's columns and some of its rows");
}
Command sample_command() {
  return describing("sample", "The same as describe");
}

}  // namespace agnes::cli
