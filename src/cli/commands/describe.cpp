#include "cli/api.h"
#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "lib/base/text.h"

// agnes schema, agnes describe, and agnes sample, which is another name for it.
namespace agnes::cli {

namespace json = boost::json;

namespace {
// The contract's exit codes: 5 the server's fault, 8 not allowed, 2 anything else.
json::value fetch_table(Api& api, const std::string& path, const std::string& table,
                        const Params& params = {}) {
  const Response response = api.get(path + http_client::percent_encode(table), params);
  expect(response, {200}, "describe " + escape_control(table),
         response.status >= 500   ? 5
         : response.status == 403 ? 8
                                  : 2);
  return response.json();
}

void print_columns(const json::object& schema) {
  std::vector<std::vector<std::string>> rows;
  if (const auto* columns = schema.if_contains("columns"); columns != nullptr && columns->is_array())
    for (const auto& item : columns->get_array()) {
      if (!item.is_object()) continue;
      const auto& column = item.get_object();
      const auto* nullable = column.if_contains("nullable");
      rows.push_back({plain(column, "name"), plain(column, "type"),
                      nullable != nullptr && nullable->is_bool() && nullable->get_bool() ? "yes" : "no",
                      plain(column, "description")});
    }
  out(columns_text({"COLUMN", "TYPE", "NULL", "DESCRIPTION"}, rows));
}

void print_heading(const json::object& schema) {
  print("{} ({}, {} SQL)", bold(shown(schema, "table_id")), shown(schema, "source_type"),
        shown(schema, "sql_flavor"));
}

std::string items(const json::object& object, std::string_view key) {
  const auto* list = object.if_contains(key);
  std::vector<std::string> parts;
  if (list != nullptr && list->is_array())
    for (const auto& item : list->get_array()) parts.push_back(plain(item));
  return join(parts, ", ");
}

void run_schema(const Args& args) {
  Api api;
  const auto answer = fetch_table(api, "/api/v2/schema/", args.text("TABLE"), {});
  if (args.flag("json")) return print("{}", pretty(answer));
  if (!answer.is_object()) return;
  const auto& schema = answer.get_object();
  print_heading(schema);
  print_columns(schema);
  if (const auto by = plain(schema, "partition_by"); !by.empty()) print("Partitioned by: {}", by);
  if (const auto by = items(schema, "clustered_by"); !by.empty()) print("Clustered by: {}", by);
  if (const auto* hints = schema.if_contains("where_dialect_hints"); hints != nullptr && hints->is_object())
    for (const auto& hint : hints->get_object())
      print("WHERE with {}: {}", std::string_view(hint.key()), plain(hint.value()));
}

ResultTable table_of(const json::value& sample) {
  ResultTable table;
  const auto* rows = sample.is_object() ? sample.get_object().if_contains("rows") : nullptr;
  if (rows == nullptr || !rows->is_array()) return table;
  for (const auto& row : rows->get_array()) {
    if (!row.is_object()) continue;
    if (table.columns.empty())
      for (const auto& item : row.get_object()) table.columns.emplace_back(item.key());
    auto& cells = table.rows.emplace_back();
    for (const auto& column : table.columns) {
      const auto* value = row.get_object().if_contains(column);
      if (value == nullptr || value->is_null())
        cells.push_back({});
      else if (value->is_number())
        cells.push_back({Cell::Kind::number, plain(*value)});
      else
        cells.push_back({Cell::Kind::text, plain(*value)});
    }
  }
  return table;
}

void run_describe(const Args& args) {
  Api api;
  const std::string table = args.text("TABLE");
  const auto rows = args.find_number("rows").value_or(5);
  const auto schema = fetch_table(api, "/api/v2/schema/", table);
  const auto sample = fetch_table(api, "/api/v2/sample/", table, {{"n", std::to_string(rows)}});
  if (args.flag("json")) return print("{}", pretty(json::object{{"schema", schema}, {"sample", sample}}));
  if (!schema.is_object()) return;
  print_heading(schema.get_object());
  print_columns(schema.get_object());
  const ResultTable result = table_of(sample);
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
