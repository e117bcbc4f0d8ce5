#include <set>

#include <boost/json/parse.hpp>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/catalogue.h"
#include "contract/read.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
std::string metadata_path(std::string_view table) {
  return "/api/admin/metadata/" + http_client::percent_encode(table);
}

void show(const Args& args) {
  const std::string table = args.text("TABLE");
  Api api;
  const auto answer = fetch(api, metadata_path(table), "show the columns of " + escape_control(table));
  if (args.flag("json")) return print("{}", pretty(answer));
  std::vector<std::vector<std::string>> rows;
  const auto* columns = answer.is_object() ? answer.get_object().if_contains("columns") : nullptr;
  if (columns != nullptr && columns->is_array())
    for (const auto& item : columns->get_array()) {
      if (!item.is_object()) continue;
      const auto& column = item.get_object();
      rows.push_back({plain(column, "column_name"), plain(column, "basetype"), plain(column, "confidence"),
                      plain(column, "source"), plain(column, "description")});
    }
  if (rows.empty()) return print("Nothing is known of the columns of {}.", escape_control(table));
  out(columns_text({"COLUMN", "TYPE", "CONFIDENCE", "SOURCE", "DESCRIPTION"}, rows));
}

// {"tables": {TABLE: {"columns": {COLUMN: {"basetype", "description", "confidence"}}}}} as table -> what the
// interface takes.
std::map<std::string, json::array> read_proposal(const std::string& path) {
  const auto text = read_file(path);
  if (!text) throw Failure(1, fmt::format("there is no file {}", escape_control(path)));
  boost::system::error_code error;
  const auto tree = json::parse(*text, error);
  const auto refuse = [&](const std::string& why) {
    throw Failure(1, fmt::format("{}: {}; expected: {{\"tables\": {{TABLE: {{\"columns\": {{COLUMN: "
                                 "{{\"description\": ...}}}}}}}}}}",
                                 escape_control(path), why));
  };
  if (error) refuse("no JSON");
  const auto* tables = tree.is_object() ? tree.get_object().if_contains("tables") : nullptr;
  if (tables == nullptr || !tables->is_object()) refuse("it has no \"tables\"");
  std::map<std::string, json::array> out;
  for (const auto& [table, given] : tables->get_object()) {
    const auto* columns = given.is_object() ? given.get_object().if_contains("columns") : nullptr;
    if (columns == nullptr || !columns->is_object()) {
      refuse(fmt::format("the table {} has no \"columns\"", escape_control(std::string_view(table))));
      continue;
    }
    auto& list = out[std::string(table)];
    for (const auto& [column, facts] : columns->get_object()) {
      if (!facts.is_object())
        refuse(fmt::format("{}.{} is not an object", escape_control(std::string_view(table)),
                           escape_control(std::string_view(column))));
      json::object item{{"column_name", column}, {"confidence", "high"}, {"source", "ai_enrichment"}};
      for (const auto* key : {"basetype", "description", "confidence"})
        if (const auto* fact = facts.get_object().if_contains(key); fact != nullptr && !fact->is_null())
          item[key] = *fact;
      list.push_back(std::move(item));
    }
  }
  return out;
}

bool push(Api& api, const std::string& table) {
  const Response response = api.send({.method = "POST",
                                      .path = metadata_path(table) + "/push",
                                      .headers = {},
                                      .body = {},
                                      .compressed = true,
                                      .timeout = std::chrono::seconds(300)});
  if (response.status != 200) {
    note("Not pushed: {}: {}", escape_control(table), refusal(response));
    return false;
  }
  const auto answer = response.json();
  const auto* errors = answer.is_object() ? answer.get_object().if_contains("errors") : nullptr;
  if (errors != nullptr && errors->is_array() && !errors->get_array().empty()) {
    for (const auto& error : errors->get_array())
      note("Not pushed: {}.{}", escape_control(table), escape_control(plain(error)));
    return false;
  }
  print("Pushed {} to its source.", escape_control(table));
  return true;
}

// The interface takes any names; whoever misspells one learns it here. Tables without data have no columns to compare.
void note_unknown_columns(const std::map<std::string, json::array>& proposal) {
  Api api;
  for (const auto& [table, columns] : proposal) {
    const Response response = api.get("/api/v2/schema/" + http_client::percent_encode(table));
    if (response.status != 200) continue;
    std::set<std::string> names;
    for (const auto& column : contract::read<contract::TableSchema>(response.json()).columns)
      names.insert(to_lower(column.name));
    for (const auto& item : columns)
      if (const auto name = plain(item.get_object(), "column_name");
          !names.empty() && !names.contains(to_lower(name)))
        note("Note: the table {} has no column {}", escape_control(table), escape_control(name));
  }
}

void apply(const Args& args) {
  const auto proposal = read_proposal(args.text("FILE"));
  note_unknown_columns(proposal);
  if (args.flag("dry-run")) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [table, columns] : proposal)
      for (const auto& item : columns) {
        const auto& column = item.get_object();
        rows.push_back({table, plain(column, "column_name"), plain(column, "basetype"),
                        plain(column, "confidence"), plain(column, "description")});
      }
    out(columns_text({"TABLE", "COLUMN", "TYPE", "CONFIDENCE", "DESCRIPTION"}, rows));
    return print("{} columns would be described. Nothing was changed.", rows.size());
  }
  Api api;
  std::size_t count = 0;
  for (const auto& [table, columns] : proposal) {
    expect(api.post(metadata_path(table), json::object{{"columns", columns}}), {200},
           fmt::format("describe the columns of {}{}", escape_control(table),
                       count > 0 ? fmt::format(" ({} columns before it are described)", count) : ""));
    count += columns.size();
  }
  print("Described {} columns of {} table{}.", count, proposal.size(), proposal.size() == 1 ? "" : "s");
  if (!args.flag("push-to-source")) return;
  bool good = true;
  for (const auto& [table, columns] : proposal) good = push(api, table) && good;
  if (!good) throw Exit{1};
}
}  // namespace

std::vector<Command> admin_metadata_commands() {
  return {{.name = "metadata-show",
           .help = "Show what is known of a table's columns",
           .arguments = {{.name = "TABLE", .help = "The table's id"}},
           .options = {{.names = "--json", .value = "", .help = "Print the server's answer as JSON"}},
           .run = show},
          {.name = "metadata-apply",
           .help = "Describe columns by a proposal: a JSON file",
           .arguments = {{.name = "FILE",
                          .help = "{\"tables\": {TABLE: {\"columns\": {COLUMN: {\"description\": ...}}}}}"}},
           .options = {{.names = "--push-to-source",
                        .value = "",
                        .help = "Then tell the source of each table (Keboola)"},
                       {.names = "--dry-run", .value = "", .help = "Only show what would be described"}},
           .run = apply}};
}

}  // namespace agnes::cli
