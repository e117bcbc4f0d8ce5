#include <set>

#include <boost/json/parse.hpp>

#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/catalogue.h"
#include "contract/jobs.h"
#include "contract/metadata.h"
#include "contract/read.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
std::string metadata_path(std::string_view table) {
  return "/api/admin/metadata/" + http_client::percent_encode(table);
}

contract::TableColumns known(const Args& args) {
  const std::string table = args.text("TABLE");
  Api api;
  const Response response =
      send_for_table(api, table, [&](const std::string& id) { return api.get(metadata_path(id)); });
  expect(response, {200}, "show the columns of " + escape_control(table));
  return contract::read<contract::TableColumns>(response.json());
}
void show_known(const contract::TableColumns& table, const Args& args) {
  if (table.columns.empty())
    return print("Nothing is known of the columns of {}.", escape_control(args.text("TABLE")));
  std::vector<std::vector<std::string>> rows;
  for (const auto& column : table.columns)
    rows.push_back({column.column_name, column.basetype.value_or(""), column.confidence.value_or(""),
                    column.source.value_or(""), column.description.value_or("")});
  out(columns_text({"COLUMN", "TYPE", "CONFIDENCE", "SOURCE", "DESCRIPTION"}, rows));
}

// {"tables": {TABLE: {"columns": {COLUMN: {"basetype", "description", "confidence"}}}}} as table -> what the
// interface takes.
std::map<std::string, json::array> read_proposal(const std::string& path) {
  const auto text = read_file(path);
  if (!text) throw Failure(Cause::failed, fmt::format("there is no file {}", escape_control(path)));
  boost::system::error_code error;
  const auto tree = json::parse(*text, error);
  const auto refuse = [&](const std::string& why) {
    throw Failure(Cause::failed, fmt::format("{}: {}", escape_control(path), why),
                  R"(expected: {"tables": {TABLE: {"columns": {COLUMN: {"description": ...}}}}})");
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

struct Applied {
  bool dry_run = false;
  std::vector<contract::ColumnMetadata> columns;
  std::vector<std::string> pushed;  // tables whose source was told
  std::vector<contract::SyncFailure> not_pushed;
};
BOOST_DESCRIBE_STRUCT(Applied, (), (dry_run, columns, pushed, not_pushed))

void push(Api& api, const std::string& table, Applied& done) {
  const Response response = api.send({.method = "POST",
                                      .path = metadata_path(table) + "/push",
                                      .headers = {},
                                      .body = {},
                                      .compressed = true,
                                      .timeout = std::chrono::seconds(300)});
  if (response.status != 200) {
    done.not_pushed.push_back({table, refusal(response)});
    return;
  }
  const auto errors = contract::read<contract::ColumnsPushed>(response.json()).errors;
  for (const auto& error : errors) done.not_pushed.push_back({table, error});
  if (errors.empty()) done.pushed.push_back(table);
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

Applied apply(const Args& args) {
  const auto proposal = read_proposal(args.text("FILE"));
  note_unknown_columns(proposal);
  Applied done{.dry_run = args.flag("dry-run"), .columns = {}, .pushed = {}, .not_pushed = {}};
  std::optional<Api> api;
  if (!done.dry_run) api.emplace();
  for (const auto& [table, columns] : proposal) {
    if (api)
      expect(api->post(metadata_path(table), json::object{{"columns", columns}}), {200},
             fmt::format("describe the columns of {}{}", escape_control(table),
                         done.columns.empty()
                             ? ""
                             : fmt::format(" ({} columns before it are described)", done.columns.size())));
    for (const auto& item : columns) {
      auto column = contract::read<contract::ColumnMetadata>(item);
      column.table_id = table;
      done.columns.push_back(std::move(column));
    }
  }
  if (api && args.flag("push-to-source"))
    for (const auto& [table, columns] : proposal) push(*api, table, done);
  return done;
}

void show_applied(const Applied& done) {
  if (done.dry_run) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& column : done.columns)
      rows.push_back({column.table_id, column.column_name, column.basetype.value_or(""),
                      column.confidence.value_or(""), column.description.value_or("")});
    out(columns_text({"TABLE", "COLUMN", "TYPE", "CONFIDENCE", "DESCRIPTION"}, rows));
    return print("{} columns would be described. Nothing was changed.", rows.size());
  }
  std::set<std::string> tables;
  for (const auto& column : done.columns) tables.insert(column.table_id);
  print("Described {} columns of {} table{}.", done.columns.size(), tables.size(),
        tables.size() == 1 ? "" : "s");
  for (const auto& table : done.pushed) print("Pushed {} to its source.", escape_control(table));
}

void tell_not_pushed(const Applied& done) {
  for (const auto& [table, error] : done.not_pushed)
    say_error(Cause::partly_failed,
              fmt::format("not pushed: {}: {}", escape_control(table), escape_control(error)));
  if (!done.not_pushed.empty()) throw Exit{Cause::partly_failed};
}
}  // namespace

std::vector<Command> admin_metadata_commands() {
  return {{.name = "metadata-show",
           .help = "Show what is known of a table's columns",
           .arguments = {{.name = "TABLE", .help = "The table's id or name"}},
           .run = answers(known, show_known)},
          {.name = "metadata-apply",
           .help = "Describe columns by a proposal: a JSON file",
           .arguments = {{.name = "FILE",
                          .help = "{\"tables\": {TABLE: {\"columns\": {COLUMN: {\"description\": ...}}}}}"}},
           .options = {{.names = "--push-to-source",
                        .value = "",
                        .help = "Then tell the source of each table (Keboola)"},
                       {.names = "--dry-run", .value = "", .help = "Only show what would be described"}},
           .run = answers(apply, show_applied, tell_not_pushed)}};
}

}  // namespace agnes::cli
