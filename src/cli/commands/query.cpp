#include "contract/query.h"

#include <thread>

#include <boost/json/parse.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/local_data.h"
#include "cli/output.h"
#include "cli/result_printer.h"
#include "cli/sql_text.h"
#include "cli/workspace.h"
#include "contract/catalogue.h"
#include "lib/base/env.h"
#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/duck/statements.h"
#include "lib/duck/storable.h"

namespace agnes::cli {

namespace {
// On a terminal. Where a file or a program reads, it gets all rows.
constexpr std::int64_t kRowsOfTerminal = 1000;

struct Ask {
  std::string sql;
  Format format = Format::table;
  std::optional<std::int64_t> limit;  // as given
  std::int64_t most() const {
    return limit.value_or(is_terminal_out() ? kRowsOfTerminal : std::numeric_limits<std::int32_t>::max());
  }
};

std::string sql_of_json(const std::string& text) {
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  const auto* sql = !error && value.is_object() ? value.get_object().if_contains("sql") : nullptr;
  if (sql == nullptr || !sql->is_string())
    throw Failure(Cause::failed, R"(--stdin takes a JSON object, {"sql": "SELECT ..."})",
                  "agnes query - takes SQL as it is");
  return std::string(sql->get_string());
}

std::string sql_of_file(const std::string& name) {
  const auto text = read_file(name);
  if (!text) throw Failure(Cause::failed, fmt::format("there is no file {}", escape_control(name)));
  return *text;
}

// Without SQL it ends with 1, as the contract's client does.
std::string sql_of(const Args& args) {
  const auto argument = args.find("SQL"), option = args.find("sql"), file = args.find("file");
  const int given = argument.has_value() + option.has_value() + file.has_value() + args.flag("stdin");
  if (given == 0)
    throw Failure(Cause::failed, "no SQL",
                  "give it as an argument, with --sql or --file, or on standard input: agnes query -");
  if (given > 1)
    throw Failure(Cause::usage, "the SQL comes from one place: an argument, --sql, --file or --stdin");
  if (args.flag("stdin")) return sql_of_json(read_input());
  if (argument == "-" || file == "-") return read_input();
  if (file) return sql_of_file(*file);
  return argument.value_or(args.text("sql"));
}

void say_cut(const Ask& ask, std::size_t shown) {
  if (ask.limit || static_cast<std::int64_t>(shown) == ask.most())
    note("(the first {} rows: --limit gives more{})", shown,
         ask.limit ? "" : ", and a file or a pipe gets them all");
  else
    note("(the first {} rows, as many as the server gives at once: select fewer, or agnes pull and ask here)",
         shown);
}

// DuckDB's guess at another name, made of its own tables, too.
std::string without_guess(std::string message) {
  if (const auto at = message.find("\nDid you mean \""); at != message.npos)
    message.erase(at, message.find('\n', at + 1) - at);
  while (message.ends_with('\n')) message.pop_back();
  return message;
}

// A table that DuckDB does not know may be one that is not here on purpose.
Failure no_such_table(const std::string& message, const std::string& name, const Workspace& workspace) {
  const auto manifest = load_pull_state(workspace).manifest;
  Nearest nearest(name, 4);
  for (const auto& [table, info] : manifest) {
    if (iequals(table, name))
      return {Cause::failed, message,
              info.has_file()
                  ? fmt::format("{} has not been fetched yet: agnes pull", name)
                  : fmt::format("{} is a remote table: agnes query --remote \"SELECT ...\"", name)};
    nearest.offer(table);
  }
  if (!nearest.best().empty())
    return {Cause::failed, message, fmt::format("did you mean {}?", nearest.best())};
  return {Cause::failed, message, "agnes catalog lists the tables; new ones come with agnes pull"};
}

[[noreturn]] void explain(const duck::QueryError& error, const Workspace& workspace) {
  const std::string said = error.what();
  constexpr std::string_view kStart = "Table with name ", kEnd = " does not exist";
  const auto start = said.find(kStart);
  const auto end = start == said.npos ? said.npos : said.find(kEnd, start);
  const std::string message = without_guess(said);
  // A view whose file was deleted, or is elsewhere since the workspace was moved.
  if (said.find("No files found that match the pattern") != said.npos &&
      said.find("/server/parquet/") != said.npos)
    throw Failure(Cause::failed, message, "agnes pull fetches what is missing and makes the views anew");
  if (end == said.npos) throw Failure(Cause::failed, message);
  const auto begin = start + kStart.size();
  throw no_such_table(message, said.substr(begin, end - begin), workspace);
}

void print_rows(duck::Result& result, const Ask& ask) {
  ResultReader reader(result);
  ResultPrinter printer(ask.format);
  printer.begin(reader.columns());
  std::size_t shown = 0;
  const auto most = static_cast<std::size_t>(ask.most());
  bool more = false;
  while (!more) {
    auto rows = reader.next();
    if (rows.empty()) break;
    more = rows.size() > most - shown;
    if (more) rows.resize(most - shown);
    shown += rows.size();
    printer.add(std::move(rows));
  }
  printer.end();
  if (more) say_cut(ask, shown);
}

// DuckDB opens what it writes by a name, and would cut off what a file has that is only to be added to: it gets a pipe.
void write_parquet(duck::Connection& connection, const Ask& ask) {
  if (is_terminal_out()) throw Failure(Cause::usage, "Parquet is not for a terminal", "add > FILE.parquet");
  const auto statement = only_statement(ask.sql);
  if (!statement) throw Failure(Cause::usage, "parquet holds one result", "give one statement at a time");
  std::string select = fmt::format("FROM (\n{}\n)", *statement);
  try {
    const duck::Statements rows(connection, select);
  } catch (const duck::QueryError&) {
    throw Failure(Cause::usage, "parquet holds the rows of a SELECT, and this statement is none",
                  "give it without --format");
  }
  if (ask.limit) select += fmt::format(" LIMIT {}", *ask.limit);
  select = duck::storable_select(connection, select);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  UniqueFd from(ends[0]), to(ends[1]);
  std::exception_ptr failed;
  std::thread copying([&] {
    try {
      char buffer[1 << 16];
      for (ssize_t got = 0; (got = ::read(from.get(), buffer, sizeof buffer)) > 0;)
        out({buffer, static_cast<std::size_t>(got)});
      flush_out();
    } catch (...) {
      failed = std::current_exception();
      from.reset();  // DuckDB's next write fails
    }
  });
  std::exception_ptr said;
  try {
    connection.execute(
        fmt::format("COPY ({}) TO '/proc/self/fd/{}' (FORMAT parquet, COMPRESSION zstd, "
                    "USE_TMP_FILE false)",
                    select, to.get()));
  } catch (...) {
    said = std::current_exception();
  }
  to.reset();
  copying.join();
  if (failed) std::rethrow_exception(failed);
  if (said) std::rethrow_exception(said);
}

// People see each result. To a program there is one: the last statement's.
void run_here(duck::Connection& connection, const Ask& ask) {
  duck::Statements statements(connection, ask.sql);
  if (ask.format == Format::parquet) return write_parquet(connection, ask);
  const bool for_people = ask.format == Format::table || ask.format == Format::markdown;
  bool any = false;
  for (std::size_t i = 0; i < statements.count(); ++i) {
    const bool last = i + 1 == statements.count();
    duck::Result result = statements.run(i, true);
    const bool rows = duck::api().result_return_type(*result.handle()) == DUCKDB_RESULT_TYPE_QUERY_RESULT;
    if (!last && !rows) {
      while (result.fetch()) {
      }
      continue;
    }
    if (!last && !for_people)
      throw Failure(Cause::usage,
                    fmt::format("statement {} of {} has rows, too, and {} holds one result", i + 1,
                                statements.count(), json::to_json(ask.format).as_string().c_str()),
                    "give one statement at a time, or --format table or markdown");
    if (any) out("\n");
    any = true;
    print_rows(result, ask);
  }
}

void query_here(const Ask& ask) {
  const Workspace workspace{workspace_folder()};
  auto database = open_local(workspace);
  auto connection = database.connect();
  try {
    run_here(connection, ask);
  } catch (const duck::QueryError& error) {
    explain(error, workspace);
  }
}

// What a statement may not read is often a misspelt name of what it may. Of the caller's own catalogue: no other table is named.
void suggest_table(Api& api, const Response& response) {
  const std::string said = refusal(response);
  constexpr std::string_view kStart = "Table \"";
  const auto start = said.find(kStart);
  const auto end = start == said.npos ? said.npos : said.find('"', start + kStart.size());
  if (end == said.npos) return;
  const std::string name = said.substr(start + kStart.size(), end - start - kStart.size());
  const Response list = api.get("/api/v2/catalog");
  if (!list.ok()) return;
  const auto tables = contract::read<contract::Catalogue>(list.json()).tables;
  Nearest nearest(name, 4);
  for (const auto& table : tables) nearest.offer(table.name);
  if (nearest.best().empty()) return;
  const Failure refusal = refused(response, "run the query");
  throw Failure(refusal.cause(), refusal.message(), meant(nearest, ""));
}

void query_there(const Ask& ask) {
  if (ask.format == Format::parquet)
    throw Failure(Cause::usage, "the server's answer has no types for Parquet",
                  "--format csv or jsonl; or agnes pull, and ask here");
  const double timeout = parse_double(env_or("AGNES_QUERY_TIMEOUT", "")).value_or(300);
  Api api;
  const Response response =
      api.post("/api/query", json::to_json(contract::Query{ask.sql, ask.most()}),
               std::chrono::seconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(timeout))));
  if (response.status == 403) suggest_table(api, response);
  expect(response, {200}, "run the query");
  ResultTable table = read_remote_result(response.body);
  const std::size_t rows = table.rows.size();
  ResultPrinter printer(ask.format);
  printer.begin(table.columns);
  printer.add(std::move(table.rows));
  printer.end();
  if (table.more) say_cut(ask, rows);
}

Format wanted_format(const Args& args) {
  const auto given = args.find("format");
  if (!args.json()) return format_of(given.value_or("table"));
  if (given && *given != "json")
    throw Failure(Cause::usage,
                  fmt::format("--json is --format json, and --format {} was given, too", *given),
                  "leave one of them out");
  return Format::json;
}

void run(const Args& args) {
  const Ask ask{sql_of(args), wanted_format(args), args.find_number("limit")};
  if (ask.limit.value_or(0) < 0) throw Failure(Cause::usage, "--limit takes a number of rows, 0 or more");
  if (args.flag("remote"))
    query_there(ask);
  else
    query_here(ask);
}
}  // namespace

Command query_command() {
  return {
      .name = "query",
      .help = "Run SQL on the local copy, or on the server",
      .arguments = {{.name = "SQL",
                     .help = "A statement in DuckDB's SQL, or several; - reads standard input",
                     .required = false}},
      .options = {{.names = "--sql", .value = "SQL", .help = "The same, instead of the argument"},
                  {.names = "--file", .value = "FILE", .help = "Read it from a file"},
                  {.names = "--remote",
                   .value = "",
                   .help = "Run it on the server, for tables that are not here"},
                  {.names = "-f,--format",
                   .value = "FORMAT",
                   .help = join(format_names(), ", ") + " [default: table]",
                   .choices = format_names()},
                  {.names = "--limit",
                   .value = "ROWS",
                   .help = "Print so many rows at most; without it 1000 on a terminal, all elsewhere"},
                  {.names = "--stdin", .value = "", .help = R"(Read {"sql": "..."} from standard input)"}},
      .run = prints<std::vector<boost::json::object>>(run),
      .example =
          "  agnes query \"SELECT country, count(*) FROM customers GROUP BY 1\" --format csv\n"
          "  agnes query --file report.sql --format parquet > report.parquet\n"};
}

}  // namespace agnes::cli
