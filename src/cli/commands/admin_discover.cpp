#include <boost/json/parse.hpp>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/read.h"
#include "contract/sources.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {

// A source answers for a long time when it has many tables.
constexpr std::chrono::seconds kWaitLimit{120};

std::string at(const json::value& item, std::string_view key) {
  return item.is_object() ? plain(item.get_object(), key) : "";
}

// "in.c-crm.orders" for {"bucket": "in.c-crm", "source_table": "orders"}.
std::string shown(const contract::TablePlace& place) {
  const auto bucket = escape_control(place.bucket.value_or("")),
             table = escape_control(place.source_table.value_or(""));
  return bucket.empty() ? table : bucket + "." + table;
}

void show(const contract::DiscoveredRegistered& answer, bool dry_run) {
  if (answer.error) note("{}", escape_control(*answer.error));
  print("{} {} tables; {} are registered already.", dry_run ? "Would register" : "Registered",
        answer.tables.size(), answer.skipped);
  for (const auto& id : answer.tables) print("  {}", escape_control(id));
  for (const auto& item : answer.drift)
    note("left alone: {} is {} at the source, but {} is registered as {}", escape_control(item.table_id),
         shown(item.discovery), escape_control(item.registry_id), shown(item.registry));
  for (const auto& item : answer.invalid)
    note("cannot be registered: {}: {}", escape_control(item.full_id), escape_control(item.reason));
  if (!dry_run && !answer.tables.empty())
    print("Nobody but administrators sees them yet: agnes admin grant create GROUP table TABLE");
}

void ask_server(const Args& args) {
  const bool dry_run = args.flag("dry-run");
  http_client::Params params;
  if (const auto source = args.text("source-type"); !source.empty()) params.emplace_back("source", source);
  if (const auto part = args.text("dataset"); !part.empty()) params.emplace_back("dataset", part);
  if (dry_run) params.emplace_back("dry_run", "true");
  Api api;
  http_client::Request request{.method = "POST",
                               .path = http_client::with_params("/api/admin/discover-and-register", params),
                               .headers = {},
                               .body = {}};
  request.timeout = kWaitLimit;
  const Response response = api.send(request);
  expect(response, {200}, "register what the source has");
  const auto answer = contract::read<contract::DiscoveredRegistered>(response.json());
  args.json() ? print_json(agnes::json::to_json(answer)) : show(answer, dry_run);
}

// The tables of a Keboola project, asked from here.
json::value tables_of(const std::string& url, const std::string& token) {
  // It becomes part of a header.
  if (!std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; }))
    throw Failure(Cause::usage, "the Keboola token has characters that no token has: copy it again");
  http_client::Client keboola({.server = url, .token = {}, .user_agent = "agnes/" AGNES_VERSION});
  http_client::Request request;
  request.path = "/v2/storage/tables?include=buckets";
  request.headers = {{"X-StorageApi-Token", token}};
  request.timeout = kWaitLimit;
  const auto response = keboola.send(request);
  if (!response.ok())
    throw Failure(cause_of_status(response.status),
                  fmt::format("{} does not list its tables: HTTP {}", keboola.server(), response.status),
                  "check the token");
  auto tables = response.json();
  if (!tables.is_array())
    throw Failure(Cause::server_fault, keboola.server() + " answers with no list of tables",
                  "check the address");
  return tables;
}

struct KeboolaTable {
  std::string id, name, bucket;
  std::optional<std::int64_t> rows;
};
BOOST_DESCRIBE_STRUCT(KeboolaTable, (), (id, name, bucket, rows))
struct KeboolaRegistered {
  std::int64_t registered = 0, skipped = 0, errors = 0;
};
BOOST_DESCRIBE_STRUCT(KeboolaRegistered, (), (registered, skipped, errors))

void ask_keboola(const Args& args, const std::string& url, const std::string& token) {
  const bool dry_run = args.flag("dry-run"), as_json = args.flag("json");
  const std::string source = args.find("source-type").value_or("keboola");
  const auto tables = tables_of(url, token);
  std::vector<KeboolaTable> found;
  for (const auto& table : tables.get_array()) {
    const auto* bucket = table.is_object() ? table.get_object().if_contains("bucket") : nullptr;
    const auto* rows = table.is_object() ? table.get_object().if_contains("rowsCount") : nullptr;
    found.push_back({.id = at(table, "id"),
                     .name = at(table, "name"),
                     .bucket = bucket == nullptr ? "" : at(*bucket, "id"),
                     .rows = rows == nullptr ? std::nullopt : parse_int(plain(*rows))});
  }
  if (dry_run && as_json) return print_json(agnes::json::to_json(found));
  if (dry_run) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& table : found)
      rows.push_back({table.name, table.bucket, table.rows ? std::to_string(*table.rows) : ""});
    return out(columns_text({"NAME", "BUCKET", "ROWS"}, rows));
  }
  Api api;
  KeboolaRegistered done;
  for (const auto& table : found) {
    const Response response =
        api.post("/api/admin/register-table",
                 json::object{{"name", table.name},
                              {"source_type", source},
                              {"bucket", table.bucket},
                              {"source_table", table.name},
                              {"query_mode", source == "keboola" ? "materialized" : "local"},
                              {"description", "Keboola table " + table.id}});
    if (response.ok()) {
      ++done.registered;
      if (!as_json) print("  {}", escape_control(table.name));
    } else if (response.status == 409) {
      ++done.skipped;
    } else if (response.status == 401 || response.status == 403) {
      throw refused(response, "register tables");
    } else {
      ++done.errors;
      say_error(Cause::partly_failed,
                fmt::format("cannot register {}: {}", escape_control(table.name), refusal(response)));
    }
  }
  if (as_json)
    print_json(agnes::json::to_json(done));
  else
    print("Registered {} tables; {} names were taken already.", done.registered, done.skipped);
  if (done.errors > 0) throw Exit{Cause::partly_failed};
}

void discover(const Args& args) {
  const auto url = args.text("url"), token = args.text("token");
  if (url.empty() != token.empty() && (args.flag("url") || args.flag("token")))
    throw Failure(Cause::usage,
                  "--url and --token belong together (KEBOOLA_STACK_URL and KEBOOLA_STORAGE_TOKEN); without "
                  "both, the server asks its own source");
  if (url.empty() || token.empty()) return ask_server(args);
  ask_keboola(args, url, token);
}

contract::ConnectionTested test_connection(const Args& args) {
  Api api;
  const std::string source = args.text("SOURCE");
  const Response response = api.post("/api/admin/" + http_client::percent_encode(source) + "/test-connection",
                                     json::object{}, kWaitLimit);
  if (response.status == 404)
    throw Failure(Cause::usage, "there is no source " + escape_control(source), "files, keboola or bigquery");
  expect(response, {200}, "reach " + escape_control(source));
  return contract::read<contract::ConnectionTested>(response.json());
}
void show_tested(const contract::ConnectionTested& tested, const Args& args) {
  print("{} answers.", args.text("SOURCE"));
  const auto facts = agnes::json::to_json(tested);
  for (const auto& item : facts.as_object())
    if (const std::string_view key = item.key();
        key != "ok" && key != "source" && key != "problems" && !item.value().is_null())
      print("  {}: {}", escape_control(key), escape_control(plain(item.value())));
  if (tested.problems)
    for (const auto& problem : *tested.problems) note("Note: {}", escape_control(problem.message));
}

}  // namespace

std::vector<Command> admin_source_commands() {
  return {{.name = "discover-and-register",
           .help = "Register the tables that a source has and the server does not know",
           .options = {{.names = "--source-type",
                        .value = "TYPE",
                        .help = "Which source: keboola, bigquery or files; the server's own when not given"},
                       {.names = "--dataset",
                        .value = "NAME",
                        .help = "Only what is in this dataset of BigQuery, or bucket of Keboola"},
                       {.names = "--token",
                        .value = "TOKEN",
                        .help = "With --url: ask Keboola from here, with this Storage token",
                        .environment = "KEBOOLA_STORAGE_TOKEN"},
                       {.names = "--url",
                        .value = "URL",
                        .help = "The Keboola stack to ask from here",
                        .environment = "KEBOOLA_STACK_URL"},
                       {.names = "--dry-run", .value = "", .help = "Only show what would be registered"}},
           .run = {discover,
                   {{"", &agnes::json::schema<contract::DiscoveredRegistered>},
                    {"--url --token --dry-run", &agnes::json::schema<std::vector<KeboolaTable>>},
                    {"--url --token", &agnes::json::schema<KeboolaRegistered>}}}},
          {.name = "test-connection",
           .help = "Whether a source answers the server, with the settings as saved",
           .arguments = {{.name = "SOURCE", .help = "files, keboola or bigquery"}},
           .run = answers(test_connection, show_tested)}};
}

}  // namespace agnes::cli
