#include "core/query/engine.h"

#include <algorithm>
#include <cmath>

#include "core/query/authorise.h"
#include "core/query/encode.h"
#include "core/query/messages.h"
#include "core/query/sandbox.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/duck/arrow_stream.h"
#include "lib/duck/statements.h"

namespace agnes::query {

namespace {

constexpr std::size_t kPart = 256u << 10;

std::vector<std::string> column_names(duck::Result& result) {
  std::vector<std::string> out;
  for (std::size_t c = 0; c < result.column_count(); ++c) out.push_back(result.column_name(c));
  return out;
}

// The statement with those columns cast to VARCHAR whose type has no form in the answer; nothing when there
// is none.
std::optional<std::string> with_casts(duck::Result& result, const std::string& sql,
                                      bool (*has_form)(const duck::Type&)) {
  std::string select, names;
  bool any = false;
  for (std::size_t c = 0; c < result.column_count(); ++c) {
    const bool readable = has_form(duck::column_type(result, c));
    any = any || !readable;
    const std::string separator = c > 0 ? ", " : "";
    names += fmt::format("{}c{}", separator, c);
    select += fmt::format(fmt::runtime(readable ? "{}c{}" : "{}CAST(c{} AS VARCHAR)"), separator, c);
  }
  if (!any) return std::nullopt;
  return fmt::format("SELECT {} FROM ({}) AS answer({})", select, sql, names);
}

// The types of its values are made first, then the statement answers.
duck::Result run_pivot(duck::Connection& connection, const std::string& sql) {
  duck::Statements statements(connection, sql);
  for (std::size_t i = 0; i + 1 < statements.count(); ++i)
    statements.run(i, false, DUCKDB_STATEMENT_TYPE_CREATE);
  return statements.run(statements.count() - 1, true, DUCKDB_STATEMENT_TYPE_SELECT);
}

Error too_long(std::uint64_t limit) {
  return {ErrorKind::too_large,
          fmt::format("The answer is over the limit of {} bytes; select fewer rows or columns, or aggregate.",
                      limit)};
}

// In parts that fit a frame of a worker's channel.
void hand_on(std::string_view text, const Engine::Sink& sink) {
  for (std::size_t at = 0; at < text.size(); at += kPart) sink(text.substr(at, kPart));
}

std::string explain_answer(duck::Result& result, const Statement& statement, bool json,
                           const Sandbox& sandbox) {
  std::string out = "{\"columns\":[\"explain_key\",\"explain_value\"],\"rows\":[";
  const auto rows = result.rows();
  std::int64_t count = 0;
  for (const auto& row : rows) {
    if (count == statement.row_limit) break;
    const auto* key = std::get_if<std::string>(&row.at(0));
    const auto* plan = std::get_if<std::string>(&row.at(1));
    if (key == nullptr || plan == nullptr) continue;
    out += count++ > 0 ? ",[" : "[";
    json::append_text(out, *key);
    out += ',';
    json::append_text(out, sandbox.hide(hide_files_in_plan(*plan, json)));
    out += ']';
  }
  if (out.size() > statement.max_result_bytes) throw too_long(statement.max_result_bytes);
  return out + fmt::format("],\"row_count\":{},\"truncated\":{}}}", count,
                           static_cast<std::size_t>(count) < rows.size());
}

}  // namespace

// The connection that `interrupt` reaches, for as long as this lives.
struct Engine::Running {
  Running(Engine& engine_in, duck::Connection& connection) : engine(engine_in) {
    std::lock_guard lock(engine.mutex_);
    engine.running_ = &connection;
  }
  ~Running() {
    std::lock_guard lock(engine.mutex_);
    engine.running_ = nullptr;
  }
  // An interrupt that came between two steps reaches neither.
  void check() const {
    if (engine.interrupted_) throw duck::QueryError(DUCKDB_ERROR_INTERRUPT, "interrupted");
  }
  Engine& engine;
};

Engine::Engine(const EngineSetup& setup) : setup_(setup) {
  open();
}
Engine::~Engine() = default;

void Engine::close() {
  authoriser_.reset();
  sandbox_.reset();
}

void Engine::open() {
  close();
  sandbox_ = std::make_unique<Sandbox>(setup_);
  authoriser_ = std::make_unique<Authoriser>(sandbox_->connect(), sandbox_->table_names());
}

void Engine::interrupt() {
  std::lock_guard lock(mutex_);
  if (!busy_) return;
  interrupted_ = true;
  if (running_ != nullptr) running_->interrupt();
}

// What `interrupt` may end.
struct Engine::Busy {
  explicit Busy(Engine& engine_in) : engine(engine_in) { set(true); }
  ~Busy() { set(false); }
  void set(bool busy) {
    std::lock_guard lock(engine.mutex_);
    engine.busy_ = busy;
    engine.interrupted_ = false;
  }
  Engine& engine;
};

Readings Engine::run(const Statement& statement, const std::function<void(std::string_view chunk)>& sink) {
  if (statement.row_limit < 0)
    throw Error(ErrorKind::bad_request, "The row limit is a number of rows, 0 or more.");
  if (statement.format != "json" && statement.format != "objects" && statement.format != "arrow")
    throw Error(
        ErrorKind::bad_request,
        fmt::format("There is no format \"{}\"; those there are: json, objects, arrow.", statement.format));
  const Busy busy(*this);
  // Closed when an earlier statement broke it; a remote engine may be gone by now, which is told then.
  if (authoriser_ == nullptr) open();
  return answer(statement, sink);
}

StatementTables Engine::inspect(const std::string& sql) {
  const Busy busy(*this);
  if (authoriser_ == nullptr) open();
  try {
    const Running running(*this, authoriser_->connection());
    StatementInspection found = authoriser_->inspect(sql);
    running.check();
    return {std::move(found.tables), std::move(found.refusal)};
  } catch (const duck::QueryError& error) {
    const auto translated = caller_error(error, sql, {}, *sandbox_);
    if (breaks_database(error)) {
      log::error("DuckDB failed on a statement: {}", sandbox_->hide(error.what()));
      close();
    }
    throw translated;
  }
}

namespace {

bool names_any(const AuthorisedStatement& authorised, const std::vector<std::string>& tables) {
  return std::any_of(authorised.tables.begin(), authorised.tables.end(), [&](const std::string& table) {
    return std::find(tables.begin(), tables.end(), table) != tables.end();
  });
}

// `more` throws when the statement is to end.
void write_json(duck::Result& result, const std::vector<std::string>& names, const Statement& statement,
                const std::function<void()>& more, const Engine::Sink& sink) {
  JsonRows rows(result, names,
                statement.format == "objects" ? JsonRows::Shape::objects : JsonRows::Shape::answer);
  bool truncated = false;
  while (!truncated) {
    more();
    const duck::Chunk chunk = result.fetch();
    if (!chunk) break;
    const auto wanted = static_cast<std::uint64_t>(statement.row_limit - rows.rows());
    truncated = chunk.size() > wanted;
    if (!rows.add(chunk, std::min<std::uint64_t>(chunk.size(), wanted), statement.max_result_bytes))
      throw too_long(statement.max_result_bytes);
  }
  hand_on(rows.finish(truncated), sink);
}

void write_arrow(duck::Result& result, const std::vector<std::string>& names, const Statement& statement,
                 const std::function<void()>& more, const Engine::Sink& sink) {
  duck::ArrowStream stream(result, names);
  std::string out = stream.schema();
  std::uint64_t handed_on = 0;
  while (true) {
    more();
    const duck::Chunk chunk = result.fetch();
    if (!chunk) break;
    if (chunk.size() > 0) stream.batch(chunk, out);
    if (handed_on + out.size() > statement.max_result_bytes) throw too_long(statement.max_result_bytes);
    if (out.size() < kPart) continue;
    hand_on(out, sink);
    handed_on += out.size();
    out.clear();
  }
  hand_on(out + duck::ArrowStream::end(), sink);
}

}  // namespace

Readings Engine::answer(const Statement& statement, const Sink& sink) {
  AuthorisedStatement authorised;
  try {
    {
      const Running running(*this, authoriser_->connection());
      if (statement.predicate) authoriser_->check(*statement.predicate);
      running.check();
      authorised = authoriser_->check(statement.sql);
      running.check();
      if (authorised.kind != AuthorisedStatement::Kind::explain && names_any(authorised, statement.remote)) {
        Readings readings = authoriser_->inspect(statement.sql).readings;
        running.check();
        // JSON has no infinity.
        for (auto& [table, number] : readings)
          if (std::isinf(number)) number = -1;
        return readings;
      }
    }
    // A connection of its own, so that nothing of a statement is left to the next.
    auto connection = sandbox_->connect();
    const Running running(*this, connection);
    for (const auto& table : authorised.tables) {
      if (const auto* view = sandbox_->unmade_view(table)) authoriser_->check_view(*view);
      sandbox_->make_visible(table, connection);
    }
    running.check();

    if (authorised.kind == AuthorisedStatement::Kind::explain) {
      auto result = connection.execute_bound(authorised.sql, {});
      hand_on(explain_answer(result, statement, authorised.plan_as_json, *sandbox_), sink);
      return {};
    }
    const bool pivot = authorised.kind == AuthorisedStatement::Kind::pivot;
    std::optional<duck::Result> result(pivot ? run_pivot(connection, authorised.sql)
                                             : connection.stream(authorised.sql));
    const bool arrow = statement.format == "arrow";
    const auto names = column_names(*result);
    const auto cast =
        with_casts(*result, authorised.sql, arrow ? &duck::ArrowStream::carries : &JsonRows::readable);
    if (cast && !pivot) {
      result.reset();
      result.emplace(connection.stream(*cast));
    }
    (arrow ? write_arrow : write_json)(
        *result, names, statement, [&] { running.check(); }, sink);
    return {};
  } catch (const duck::QueryError& error) {
    const auto translated = caller_error(error, statement.sql, authorised.sql, *sandbox_);
    if (breaks_database(error)) {
      log::error("DuckDB failed on a statement: {}", sandbox_->hide(error.what()));
      close();
    }
    throw translated;
  }
}

}  // namespace agnes::query
