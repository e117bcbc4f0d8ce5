#include <boost/json/parse.hpp>

#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/read.h"
#include "contract/registry.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
const Argument kTable{.name = "TABLE", .help = "The table's id or name"};
const Option kName{.names = "--name", .value = "NAME", .help = "The name to show"};
const Option kBucket{
    .names = "--bucket", .value = "BUCKET", .help = "Where the source keeps it: a bucket or dataset"};
const Option kSourceTable{.names = "--source-table", .value = "TABLE", .help = "What the source calls it"};
const Option kQueryMode{.names = "--query-mode", .value = "MODE", .help = "local, remote or materialized"};
const Option kQuery{
    .names = "--query", .value = "SQL", .help = "What a materialized table is made by; @FILE reads a file"};
const Option kDescription{.names = "--description", .value = "TEXT", .help = "What the table holds"};
const Option kSchedule{.names = "--sync-schedule", .value = "WHEN", .help = "'every 6h', 'daily 03:00'"};
const Option kSourceType{.names = "--source-type",
                         .value = "TYPE",
                         .help = "Which connector: local (or files), keboola, bigquery, ..."};

Option with_fallback(Option option, const char* fallback) {
  option.fallback = fallback;
  return option;
}

// "@path" stands for the file's content.
std::string text_or_file(const std::string& option, const std::string& text) {
  if (!text.starts_with('@')) return std::string(trim(text));
  const auto content = read_file(text.substr(1));
  if (!content)
    throw Failure(Cause::failed,
                  fmt::format("--{}: there is no file {}", option, escape_control(text.substr(1))));
  return std::string(trim(*content));
}

std::string registry_path(const std::string& id) {
  return "/api/admin/registry/" + http_client::percent_encode(id);
}

contract::RegistryList list(const Args&) {
  Api api;
  return fetch<contract::RegistryList>(api, "/api/admin/registry", "list the registered tables");
}
void show_list(const contract::RegistryList& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : answer.tables)
    rows.push_back({table.id, table.name, table.source_type.value_or(""), table.query_mode,
                    table.bucket.value_or(""), table.last_sync_error.value_or("")});
  out(columns_text({"ID", "NAME", "SOURCE", "MODE", "BUCKET", "LAST ERROR"}, rows));
}

// The registry's word for files is `local`; elsewhere they are called what they are.
std::string source_type(const std::string& given) {
  return given == "files" ? "local" : given;
}

// What the options of register-table ask for, in the interface's words; what was not given is left out.
json::object registration(const Args& args) {
  const std::string mode = args.text("query-mode"), source = source_type(args.text("source-type"));
  const std::string query = text_or_file("query", args.text("query"));
  if (mode == "materialized" && query.empty() && args.text("bucket").empty())
    throw Failure(Cause::usage,
                  "--query-mode materialized needs --query, the SQL that makes the table, or --bucket and "
                  "--source-table for all of a table");
  // A query for BigQuery names its datasets itself.
  if (mode == "materialized" && args.text("bucket").empty() && source != "bigquery")
    throw Failure(Cause::usage, "--query-mode materialized needs --bucket: the source's bucket or dataset");
  json::object body{{"name", args.text("NAME")},
                    {"source_type", source},
                    {"bucket", args.text("bucket")},
                    {"source_table", args.find("source-table").value_or(args.text("NAME"))},
                    {"query_mode", mode},
                    {"description", args.text("description")},
                    {"sync_strategy", args.text("sync-strategy")}};
  if (!query.empty()) body["source_query"] = query;
  for (const auto& [option, field] : {std::pair{"sync-schedule", "sync_schedule"},
                                      {"partition-by", "partition_by"},
                                      {"partition-granularity", "partition_granularity"}})
    if (const std::string text = args.text(option); !text.empty()) body[field] = text;
  for (const auto& [option, field] : {std::pair{"incremental-window-days", "incremental_window_days"},
                                      {"max-history-days", "max_history_days"},
                                      {"initial-load-chunk-days", "initial_load_chunk_days"}})
    if (const auto number = args.find_number(option)) body[field] = *number;
  if (const auto key = args.find("primary-key")) {
    json::array columns;
    for (const auto& column : split(*key, ','))
      if (!trim(column).empty()) columns.push_back(json::value(trim(column)));
    body["primary_key"] = std::move(columns);
  }
  if (const auto filters = args.find("where-filters-json")) {
    boost::system::error_code error;
    body["where_filters"] = json::parse(text_or_file("where-filters-json", *filters), error);
    if (error)
      throw Failure(
          Cause::usage,
          "--where-filters-json is not JSON: [{\"column\": ..., \"operator\": ..., \"values\": [...]}]");
  }
  return body;
}

struct Registered {
  std::string name;
  bool registered = false;  // by this command
  std::optional<std::string> id;
  bool data_follows = false;                       // its data is being fetched
  std::optional<contract::PrecheckedTable> check;  // of --dry-run
};
BOOST_DESCRIBE_STRUCT(Registered, (), (name, registered, id, data_follows, check))

Registered add(const Args& args) {
  const json::object body = registration(args);
  Registered done{.name = args.text("NAME"), .id = {}, .check = {}};
  Api api;
  if (args.flag("dry-run")) {
    const Response response = api.post("/api/admin/register-table/precheck", body);
    expect(response, {200}, "register the table");
    done.check = contract::read<contract::Prechecked>(response.json()).table;
    return done;
  }
  const Response response = api.post("/api/admin/register-table", body);
  // As the contract's client: a script may register the same table twice.
  if (response.status == 409) return done;
  expect(response, {200, 201, 202}, "register the table");
  done.registered = true;
  const auto told = contract::read<contract::Registered>(response.json());
  done.id = told.id;
  if (told.message) note("Note: {}", escape_control(*told.message));
  done.data_follows = response.status == 202;
  return done;
}
void show_added(const Registered& done) {
  if (done.check) {
    print("It can be registered. Nothing was changed.");
    const auto facts = agnes::json::to_json(*done.check);
    for (const auto& item : facts.as_object())
      if (!item.value().is_null())
        print("  {}: {}", std::string_view(item.key()), escape_control(plain(item.value())));
    return;
  }
  if (!done.registered) return print("{} is registered already.", escape_control(done.name));
  print("Registered {}{}.", escape_control(done.name),
        done.data_follows ? "; its data is being fetched" : "");
  print("Nobody but administrators sees it yet: agnes admin grant create GROUP table {}",
        escape_control(done.name));
}

contract::RegistryUpdated update(const Args& args) {
  json::object body;
  for (const auto& [option, field] : {std::pair{"name", "name"},
                                      {"bucket", "bucket"},
                                      {"source-table", "source_table"},
                                      {"query-mode", "query_mode"},
                                      {"description", "description"},
                                      {"sync-schedule", "sync_schedule"},
                                      {"source-type", "source_type"}})
    if (const auto text = args.find(option))
      body[field] = std::string_view(field) == "source_type" ? source_type(*text) : *text;
  if (const auto query = args.find("query")) body["source_query"] = text_or_file("query", *query);
  if (body.empty())
    throw Failure(Cause::usage,
                  "nothing to change: give at least one option (agnes admin update-table --help)");
  Api api;
  const Response response = send_for_table(api, args.text("TABLE"), [&](const std::string& id) {
    http_client::Request request{.method = "PUT",
                                 .path = registry_path(id),
                                 .headers = {{"Content-Type", "application/json"}},
                                 .body = compact(body)};
    if (const auto version = args.find("expect-version"))
      request.headers.emplace_back("If-Match", '"' + *version + '"');
    return api.send(request);
  });
  expect(response, {200}, "change the table " + escape_control(args.text("TABLE")));
  auto done = contract::read<contract::RegistryUpdated>(response.json());
  if (done.updated.empty())
    for (const auto& item : body) done.updated.emplace_back(item.key());
  return done;
}
void show_updated(const contract::RegistryUpdated& done, const Args& args) {
  print("Changed {}: {}.", args.text("TABLE"), escape_control(join(done.updated, ", ")));
}

Done remove(const Args& args) {
  Api api;
  const std::string table = args.text("TABLE");
  expect(send_for_table(api, table, [&](const std::string& id) { return api.del(registry_path(id)); }),
         {204, 200}, "unregister " + escape_control(table));
  return {"unregistered", "table", args.text("TABLE"), {}};
}
}  // namespace

std::vector<Command> admin_table_commands() {
  return {
      {.name = "list-tables", .help = "List the registered tables", .run = answers(list, show_list)},
      {.name = "register-table",
       .help = "Register a table of a source",
       .arguments = {{.name = "NAME", .help = "What it is called in SQL"}},
       .options =
           {with_fallback(kSourceType, "keboola"),
            kBucket,
            kSourceTable,
            with_fallback(kQueryMode, "local"),
            kQuery,
            kDescription,
            kSchedule,
            {.names = "--sync-strategy",
             .value = "STRATEGY",
             .help = "full_refresh, incremental or partitioned",
             .fallback = "full_refresh"},
            {.names = "--primary-key",
             .value = "COLUMNS",
             .help = "With commas between; incremental needs it"},
            {.names = "--incremental-window-days", .value = "DAYS", .help = "How far back each sync looks"},
            {.names = "--max-history-days", .value = "DAYS", .help = "How far back the first sync goes"},
            {.names = "--where-filters-json", .value = "JSON", .help = "Filters on rows; @FILE reads a file"},
            {.names = "--partition-by", .value = "COLUMN", .help = "The date that partitions go by"},
            {.names = "--partition-granularity", .value = "UNIT", .help = "day, month or year"},
            {.names = "--initial-load-chunk-days",
             .value = "DAYS",
             .help = "How much the first sync takes at once"},
            {.names = "--dry-run", .value = "", .help = "Only check whether it could be registered"}},
       .run = answers(add, show_added),
       .example = "  agnes admin register-table orders --bucket in.c-main --source-table orders\n"},
      {.name = "update-table",
       .help = "Change a registered table; what is not given stays",
       .arguments = {kTable},
       .options = {kName,
                   kBucket,
                   kSourceTable,
                   kQueryMode,
                   kQuery,
                   kDescription,
                   kSchedule,
                   kSourceType,
                   {.names = "--expect-version",
                    .value = "VERSION",
                    .help =
                        "Change nothing if somebody else did meanwhile: 'version' of list-tables --json"}},
       .run = answers(update, show_updated)},
      {.name = "unregister-table",
       .help = "Unregister a table",
       .arguments = {kTable},
       .run = answers(remove, show_done),
       .question = "Unregister {TABLE} and delete its data on the server?"}};
}

}  // namespace agnes::cli
