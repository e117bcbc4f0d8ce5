#include "contract/query.h"

#include <boost/json/parse.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/workspace.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
std::string read_input() {
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string sql_of(const Args& args) {
  const int given = args.find("sql").has_value() + args.find("SQL").has_value() + args.flag("stdin");
  if (given == 0) throw Failure(1, "no SQL: give it as an argument, with --sql, or with --stdin");
  if (given > 1) throw Failure(1, "the SQL comes from one place: an argument, --sql or --stdin");
  if (!args.flag("stdin")) return args.find("SQL").value_or(args.text("sql"));
  boost::system::error_code error;
  const auto value = boost::json::parse(read_input(), error);
  const auto* sql = !error && value.is_object() ? value.get_object().if_contains("sql") : nullptr;
  if (sql == nullptr || !sql->is_string())
    throw Failure(1, R"(--stdin takes a JSON object: {"sql": "SELECT ..."})");
  return std::string(sql->get_string());
}

void show(const ResultTable& table, const std::string& format, std::int64_t limit) {
  if (format == "json") {
    out(to_json(table));
  } else if (format == "csv") {
    out(to_csv(table));
  } else {
    if (format != "table")
      note("Note: there is no format '{}' (table, json, csv): shown as a table", escape_control(format));
    out(table_text(table, {.width = terminal_width(), .cut = is_terminal_out()}));
  }
  if (table.more) note("(the first {} rows: --limit gives more)", limit);
}

// A table that DuckDB does not know may be one that is not here on purpose.
std::string hint_for(const std::string& message, const Workspace& workspace) {
  constexpr std::string_view kStart = "Table with name ", kEnd = " does not exist";
  const auto start = message.find(kStart);
  if (start == message.npos) return "";
  const auto begin = start + kStart.size();
  const auto end = message.find(kEnd, begin);
  if (end == message.npos) return "";
  const std::string name = message.substr(begin, end - begin);
  for (const auto& [table, info] : load_pull_state(workspace).manifest)
    if (iequals(table, name))
      return info.has_file() ? fmt::format("{} has not been fetched yet: agnes pull", name)
                             : fmt::format("{} is a remote table: agnes query --remote \"SELECT ...\"", name);
  return "agnes catalog lists the tables; new ones come with agnes pull";
}

// One statement is answered row by row; several are run in order, and the last one's answer counts.
duck::Result run_here(duck::Connection& connection, const std::string& sql) {
  try {
    return connection.stream(sql);
  } catch (const duck::QueryError& error) {
    if (std::string_view(error.what()).find("prepare multiple statements") == std::string_view::npos) throw;
  }
  return connection.execute(sql);
}

void query_here(const std::string& sql, const std::string& format, std::int64_t limit) {
  const Workspace workspace{workspace_folder()};
  if (!fs::exists(workspace.database()))
    throw Failure(1, fmt::format("no data here: {} does not exist; run agnes pull, or go to your workspace",
                                 workspace.database().string()));
  std::optional<duck::Database> database;
  try {
    database.emplace(duck::DatabaseOptions{workspace.database(), {{"access_mode", "READ_ONLY"}}});
  } catch (const duck::NewerFormat& error) {
    throw Failure(1, fmt::format("{}: agnes pull keeps it and makes another", error.what()));
  } catch (const Error& error) {
    if (!duck::is_locked(error)) throw;
    throw Failure(1, fmt::format("{} is open for writing in another program: close it and try again",
                                 workspace.database().string()));
  }
  auto connection = database->connect();
  try {
    duck::Result result = run_here(connection, sql);
    show(read_result(result, limit), format, limit);
  } catch (const duck::QueryError& error) {
    std::string message = error.what();
    while (message.ends_with('\n')) message.pop_back();
    note("Error: {}", message);
    if (const std::string hint = hint_for(message, workspace); !hint.empty()) note("{}", hint);
    throw Exit{1};
  }
}

void query_there(const std::string& sql, const std::string& format, std::int64_t limit) {
  const double timeout = parse_double(env_or("AGNES_QUERY_TIMEOUT", "")).value_or(300);
  Api api;
  const Response response =
      api.post("/api/query", agnes::json::to_json(contract::Query{sql, limit}),
               std::chrono::seconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(timeout))));
  expect(response, {200}, "run the query");
  show(read_remote_result(response.body), format, limit);
}

void run(const Args& args) {
  const std::string sql = sql_of(args);
  const std::int64_t limit = args.number("limit");
  if (limit < 0) throw Failure(kUsage, "--limit takes a number of rows, 0 or more");
  if (args.flag("remote"))
    query_there(sql, args.text("format"), limit);
  else
    query_here(sql, args.text("format"), limit);
}
}  // namespace

Command query_command() {
  return {
      .name = "query",
      .help = "Run SQL on the local copy, or on the server",
      .arguments = {{.name = "SQL", .help = "A statement in DuckDB's SQL", .required = false}},
      .options =
          {{.names = "--sql", .value = "SQL", .help = "The statement, instead of the argument"},
           {.names = "--remote", .value = "", .help = "Run it on the server, for tables that are not here"},
           {.names = "-f,--format", .value = "FORMAT", .help = "table, json or csv", .fallback = "table"},
           {.names = "--limit", .value = "ROWS", .help = "Print so many rows at most", .fallback = "1000"},
           {.names = "--stdin", .value = "", .help = R"(Read {"sql": "..."} from standard input)"}},
      .run = run,
      .example = "  agnes query \"SELECT country, count(*) FROM customers GROUP BY 1\" --format csv\n"};
}

}  // namespace agnes::cli
