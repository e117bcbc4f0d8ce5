#include "cli/api.h"
#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/facts.h"
#include "cli/json_text.h"
#include "cli/local_data.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/catalogue.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

// agnes schema, agnes describe, and agnes sample, which is another name for it.
namespace agnes::cli {

namespace json = boost::json;

namespace {
constexpr std::int64_t kMostRows = 100;  // of the contract's route

struct Described {
  contract::TableSchema schema;
  contract::TableSample sample;
};
BOOST_DESCRIBE_STRUCT(Described, (), (schema, sample))

// The table of the catalogue that `name` means, in any case; else `nearest` has what comes close.
const contract::CatalogueTable* meant_by(const contract::Catalogue& catalogue, const std::string& name,
                                         Nearest& nearest) {
  for (const auto& table : catalogue.tables) {
    if (iequals(table.id, name) || iequals(table.name, name)) return &table;
    nearest.offer(table.id);
    nearest.offer(table.name);
  }
  return nullptr;
}

// The answer of `path` for a table, `name` as somebody wrote it.
Response fetch_answer(Api& api, const std::string& path, const std::string& name, const Params& params = {}) {
  const auto ask = [&](const std::string& id) {
    return api.get(path + http_client::percent_encode(id), params);
  };
  Response response = ask(name);
  const std::string what = "describe " + escape_control(name);
  if (response.status == 404 || response.status == 403) {
    const Failure refusal = refused(response, what);
    const Response list = api.get("/api/v2/catalog");
    const auto catalogue =
        list.ok() ? contract::read<contract::Catalogue>(list.json()) : contract::Catalogue{};
    Nearest nearest(name, 4);
    const auto* table = meant_by(catalogue, name, nearest);
    if (table == nullptr && !nearest.best().empty())
      throw Failure(Cause::not_found, fmt::format("cannot {}: there is no such table that you may see", what),
                    meant(nearest, ""));
    if (table == nullptr || table->id == name) throw refusal;
    response = ask(table->id);
  }
  expect(response, {200}, what);
  return response;
}
template <class T>
T fetch_table(Api& api, const std::string& path, const std::string& name) {
  return contract::read<T>(fetch_answer(api, path, name).json());
}

// Without the server: the catalogue's entry is what the last pull left, columns and rows are of the local copy.
class Offline {
 public:
  Offline(const http_client::TransportError& error, const std::string& name)
      : facts_(recall(error)), database_(open_local({workspace_folder()})), connection_(database_.connect()) {
    Nearest nearest(name, 4);
    const auto* table = meant_by(facts_.catalogue, name, nearest);
    if (table == nullptr)
      throw Failure(Cause::not_found, "the last pull knew no table " + escape_control(name),
                    meant(nearest, "agnes catalog lists them"));
    if (table->query_mode == "remote")
      throw Failure(
          Cause::unreachable,
          fmt::format("{} is a remote table, and its server cannot be reached", escape_control(table->id)),
          "try again later");
    table_ = *table;
  }

  contract::TableSchema schema() {
    contract::TableSchema out{.table_id = table_.id,
                              .source_type = table_.source_type,
                              .sql_flavor = table_.sql_flavor,
                              .columns = {},
                              .partition_by = {},
                              .clustered_by = {},
                              .where_dialect_hints = {}};
    for (const auto& row : connection_.execute("DESCRIBE " + duck::quote_identifier(table_.name)).rows())
      out.columns.push_back({.name = std::get<std::string>(row.at(0)),
                             .type = std::get<std::string>(row.at(1)),
                             .nullable = true,
                             .description = ""});
    return out;
  }
  contract::TableSample sample(std::int64_t rows) {
    contract::TableSample out{.table_id = table_.id, .rows = {}, .source = table_.source_type};
    auto result =
        connection_.stream(fmt::format("FROM {} LIMIT {}", duck::quote_identifier(table_.name), rows));
    ResultReader reader(result);
    for (auto chunk = reader.next(); !chunk.empty(); chunk = reader.next())
      for (const auto& row : chunk) out.rows.push_back(json_object(reader.columns(), row));
    return out;
  }

 private:
  Facts facts_;
  duck::Database database_;
  duck::Connection connection_;
  contract::CatalogueTable table_;
};

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

contract::TableSchema schema(const Args& args) {
  const std::string table = args.text("TABLE");
  Api api;
  try {
    return fetch_table<contract::TableSchema>(api, "/api/v2/schema/", table);
  } catch (const http_client::TransportError& error) {
    return Offline(error, table).schema();
  }
}

void show_schema(const contract::TableSchema& schema) {
  print_heading(schema);
  print_columns(schema);
  if (!schema.partition_by.value_or("").empty())
    print("Partitioned by: {}", escape_control(*schema.partition_by));
  if (!schema.clustered_by.empty())
    print("Clustered by: {}", escape_control(join(schema.clustered_by, ", ")));
  const auto hints = agnes::json::to_json(schema.where_dialect_hints);
  for (const auto& hint : hints.as_object())
    print("WHERE with {}: {}", std::string_view(hint.key()), escape_control(plain(hint.value())));
}

// The sample stays the server's text: its numbers have as many digits, and its values as much depth, as they have.
void run_describe(const Args& args) {
  const std::string table = args.text("TABLE");
  const auto rows = args.number("rows");
  if (rows < 1 || rows > kMostRows)
    throw Failure(Cause::usage, fmt::format("--rows takes 1 to {} rows", kMostRows),
                  "agnes query shows as many as you like");
  Api api;
  contract::TableSchema schema;
  std::string sample;
  try {
    // The second by the id that the first one found.
    schema = fetch_table<contract::TableSchema>(api, "/api/v2/schema/", table);
    sample = fetch_answer(api, "/api/v2/sample/", schema.table_id.empty() ? table : schema.table_id,
                          {{"n", std::to_string(rows)}})
                 .body;
  } catch (const http_client::TransportError& error) {
    Offline offline(error, table);
    schema = offline.schema();
    sample = json::serialize(agnes::json::to_json(offline.sample(rows)));
  }
  const ResultTable result = read_remote_sample(sample);
  if (args.json())
    return print("{}", pretty_text(fmt::format(R"({{"schema":{},"sample":{}}})",
                                               json::serialize(agnes::json::to_json(schema)), sample)));
  show_schema(schema);
  print("");
  if (result.rows.empty()) return print("No rows.");
  print("{} row{} of it:", result.rows.size(), result.rows.size() == 1 ? "" : "s");
  out(table_text(result, {.width = terminal_width(), .cut = is_terminal_out()}));
}

const Argument kTable{.name = "TABLE", .help = "The table's id or name, as agnes catalog shows it"};

Command describing(const char* name, const char* help) {
  return {.name = name,
          .help = help,
          .arguments = {kTable},
          .options = {{.names = "-n,--rows",
                       .value = "ROWS",
                       .help = fmt::format("How many rows, {} at most", kMostRows),
                       .fallback = "5"}},
          .run = prints<Described>(run_describe)};
}
}  // namespace

Command schema_command() {
  return {.name = "schema",
          .help = "Show a table's columns",
          .arguments = {kTable},
          .run = answers(schema, show_schema)};
}
Command describe_command() {
  return describing("describe", "Show a table's columns and some of its rows");
}
Command sample_command() {
  return describing("sample", "The same as describe");
}

}  // namespace agnes::cli
