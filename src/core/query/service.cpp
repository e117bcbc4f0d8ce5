#include "core/query/service.h"

#include <limits>

#include "contract/query.h"
#include "core/catalog/source_kind.h"
#include "core/query/messages.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/http/executor.h"

namespace agnes::query {

namespace {

constexpr std::size_t kMostSpooled = 256u << 20;  // bytes of one answer
// A second that a reader takes at least while it holds a process for which others wait, after a moment.
constexpr double kSlowestHolder = 1 << 20;
constexpr std::chrono::seconds kMayHold{2};
constexpr std::chrono::milliseconds kLookAtOthers{100};

constexpr std::size_t kMaxSql = 5u << 20;
// An engine that hangs holds its own places, and others find theirs.
constexpr const char* kRemote = "remote";

struct BigQueryPart {
  std::vector<std::string> registered_aliases;
  std::int64_t alias_count = 0;
};
BOOST_DESCRIBE_STRUCT(BigQueryPart, (), (registered_aliases, alias_count))

struct HybridAnswer : contract::QueryAnswer {
  BigQueryPart bq_stats;
};
BOOST_DESCRIBE_STRUCT(HybridAnswer, (contract::QueryAnswer), (bq_stats))

std::vector<ReadableTable> readable(const catalog::VisibleSet& set) {
  std::vector<ReadableTable> out;
  for (const auto* table : set.tables) {
    ReadableTable item;
    item.name = table->name;
    if (!table->has_data()) item.missing = table->why_no_data();
    item.files = table->files;
    item.union_by_name = table->union_by_name;
    item.attach_file = table->attach_file;
    if (table->attach_file) item.attach_table = table->attach_name;
    out.push_back(std::move(item));
  }
  return out;
}

// Those tables of a statement that live in engines which can be attached.
std::vector<RemoteUse> remote_tables(const catalog::VisibleSet& set, const Readings& readings) {
  std::vector<RemoteUse> out;
  for (const auto* table : set.remote) {
    const auto found = readings.find(to_lower(table->name));
    if (found == readings.end()) continue;
    out.push_back({table, found->second < 0 ? std::numeric_limits<double>::infinity() : found->second});
  }
  return out;
}

}  // namespace

std::unique_ptr<Execution> Service::start(const http::Caller& caller, const std::string& sql,
                                          std::int64_t row_limit) {
  if (row_limit < 0) throw Error(ErrorKind::bad_request, "limit is a number of rows, 0 or more");
  Statement statement;
  statement.sql = sql;
  statement.row_limit = std::min(row_limit, limits_.max_rows);
  statement.max_result_bytes = limits_.max_result_bytes;
  return start(visible_.of(caller), statement);
}

std::unique_ptr<Execution> Service::start(std::shared_ptr<const catalog::VisibleSet> set,
                                          const Statement& statement) {
  if (statement.sql.size() > kMaxSql) throw Error(ErrorKind::too_large, "a statement has 5 MB at most");
  Statement asked = statement;
  if (remote_.attachment)
    for (const auto* table : set->remote) asked.remote.push_back(to_lower(table->name));
  auto execution = run_here(*set, asked);
  if (!asked.remote.empty()) {
    if (const auto& readings = execution->needs_remote(); !readings.empty()) {
      const auto remote = remote_tables(*set, readings);
      execution.reset();
      return start_remote(std::move(set), remote, statement);
    }
  }
  execution->hold(std::move(set));  // the files of this generation stay until then
  return execution;
}

std::unique_ptr<Execution> Service::run_here(const catalog::VisibleSet& set, const Statement& statement) {
  return pool_.run(
      set.key, [&] { return EngineSetup{.tables = readable(set), .spill_folder = {}}; }, statement);
}

// An engine of its own for the callers of these rights and these remote tables: the others' queries need no
// network and do not wait for an engine elsewhere. Another token is another engine, so that none goes on with
// an old one.
std::unique_ptr<Execution> Service::start_remote(std::shared_ptr<const catalog::VisibleSet> set,
                                                 const std::vector<RemoteUse>& remote,
                                                 const Statement& statement) {
  http::enter_group(kRemote);
  EngineSetup setup{.tables = {},
                    .spill_folder = {},
                    .extension_folder = remote_.extension_folder,
                    .unsigned_extensions = remote_.unsigned_extensions};
  std::set<std::string> attached;
  std::map<std::string, const catalog::Table*> views;
  std::string names;
  for (const auto& use : remote) {
    if (attached.insert(to_lower(use.table->remote->alias)).second)
      setup.attachments.push_back(remote_.attachment(*use.table->remote));
    views.emplace(use.table->name, use.table);
    names += use.table->name + "\n";
  }
  remote_.check_cost(remote, statement.sql);
  const auto key = fmt::format("{}/remote/{}", set->key, md5_hex(names + json::to_text(setup.attachments)));
  auto execution = pool_.run(
      key,
      [&] {
        setup.tables = readable(*set);
        for (auto& table : setup.tables)
          if (const auto view = views.find(table.name); view != views.end()) {
            table.missing.clear();
            table.remote_view = view->second->remote_view;
            table.remote_alias = view->second->remote->alias;
            if (const auto* kind = catalog::source_of_extension(view->second->remote->extension))
              table.remote_functions.assign(kind->table_functions.begin(), kind->table_functions.end());
          }
        return setup;
      },
      statement);
  execution->hold(std::move(set));
  return execution;
}

http::Response Service::rows(const http::Caller& caller, const std::string& sql, std::int64_t row_limit,
                             std::string before, std::string after) {
  Statement statement;
  statement.sql = sql;
  statement.row_limit = std::min(row_limit, limits_.max_rows);
  statement.max_result_bytes = limits_.max_result_bytes;
  statement.format = "objects";
  auto still = visible_.still_readable(caller);
  return relay(start(visible_.of(caller), statement), {.transfer_limit = limits_.transfer_limit,
                                                       .spool = &spool_,
                                                       .before = std::move(before),
                                                       .after = std::move(after),
                                                       .still_allowed = std::move(still)});
}

std::string Service::whole(Execution& execution) {
  std::string text, chunk;
  while (execution.next(chunk)) text += chunk;
  return text;
}

SqlCheck Service::check(const http::Caller& caller, const std::string& sql) {
  const auto set = visible_.of(caller);
  SqlCheck out;
  try {
    if (sql.size() > kMaxSql) throw Error(ErrorKind::too_large, "a statement has 5 MB at most");
    auto found = pool_.inspect(
        set->key, [&] { return EngineSetup{.tables = readable(*set), .spill_folder = {}}; }, sql);
    out.tables = std::move(found.tables);
    out.refusal = std::move(found.refusal);
  } catch (const Error& error) {
    // Whether it is the statement's fault or the server is busy.
    if (error.kind() != ErrorKind::bad_request && error.kind() != ErrorKind::too_large) throw;
    out.problem = error.what();
  }
  return out;
}

namespace {

// The end of what a reader may do to others: what it has not taken fills its spool, so that the statement waits for it with
// its process.
class Holder {
 public:
  explicit Holder(http::Writer& to) : to_(to) {}
  // Waits until there is room for a part of the size; false when the reader has gone.
  bool wait(std::size_t bytes) {
    using Clock = std::chrono::steady_clock;
    if (!since_) since_ = Clock::now();
    while (!to_.wait_for_room(kLookAtOthers)) {
      const auto held = Clock::now() - *since_;
      const bool is_slow =
          held > kMayHold &&
          static_cast<double>(taken_) < kSlowestHolder * std::chrono::duration<double>(held).count();
      if (is_slow && to_.place_is_wanted())
        throw Error(
            ErrorKind::unavailable,
            "all that may wait for its reader does, the reader takes less than 1 MB/s, and others wait "
            "for the query process");
    }
    taken_ += bytes;
    return !to_.gone();
  }

 private:
  http::Writer& to_;
  std::optional<std::chrono::steady_clock::time_point> since_;
  std::uint64_t taken_ = 0;
};

}  // namespace

http::Response relay(std::unique_ptr<Execution> execution, RelayOptions options) {
  const auto count = [](const RelayOptions& options, const std::string& part) {
    if (options.on_bytes) options.on_bytes(part.size());
  };
  std::string first, second;
  const bool any = execution->next(first);
  const bool more = any && execution->next(second);
  first.insert(0, options.before);
  if (!more) {
    count(options, first);
    http::Response whole;
    whole.header("Content-Type", options.content_type);
    whole.body = std::move(first += options.after);
    whole.still_allowed = std::move(options.still_allowed);
    return whole;
  }
  std::shared_ptr<Execution> shared = std::move(execution);
  const auto type = options.content_type;
  const auto limit = options.transfer_limit;
  auto still_allowed = std::move(options.still_allowed);
  auto response = http::Response::stream(
      type,
      [shared, count, options = std::move(options), first = std::move(first),
       part = std::move(second)](http::Writer& to) mutable {
        const auto send = [&](const std::string& text) {
          count(options, text);
          return to.write(text);
        };
        if (!send(first)) return;
        // A reader that is slower than the statement must not keep the process from others.
        Spool waiting(*options.spool, kMostSpooled);
        std::string piece;
        Holder holder(to);
        do {
          while (!waiting.empty() && to.has_room())
            if (!waiting.next(piece) || !send(piece)) return;
          if (to.gone()) return;
          if (!to.has_room() && waiting.append(part)) continue;
          while (waiting.next(piece))
            if (!holder.wait(piece.size()) || !send(piece)) return;
          if (!to.has_room() && !holder.wait(part.size())) return;
          if (!send(part)) return;
        } while (shared->next(part));
        shared.reset();
        to.free_place();
        while (waiting.next(piece))
          if (!send(piece)) return;
        if (!options.after.empty()) send(options.after);
      },
      limit);
  response.still_allowed = std::move(still_allowed);
  return response;
}

http::Response Service::answer(const http::Caller& caller, const std::string& sql, std::int64_t row_limit) {
  auto still = visible_.still_readable(caller);
  return relay(
      start(caller, sql, row_limit),
      {.transfer_limit = limits_.transfer_limit, .spool = &spool_, .still_allowed = std::move(still)});
}

http::Response Service::hybrid(const http::Caller& caller, const HybridBody& body) {
  for (const auto& [alias, sql] : body.register_bq) {
    if (!is_identifier(alias))
      throw Error(
          ErrorKind::bad_request,
          fmt::format("register_bq: \"{}\" is not a name for a table: letters, digits and _, 64 at most",
                      shown_text(alias, 100)));
    throw Error(ErrorKind::bad_request,
                fmt::format("register_bq: \"{}\" cannot be fetched, because this server runs no queries in "
                            "BigQuery; query the tables that are here",
                            alias));
  }
  std::string text = whole(*start(caller, body.sql, limits_.max_rows));
  // Beside the answer's members, untouched: its numbers may have more digits than a parser keeps.
  text.pop_back();
  text += R"(,"bq_stats":{"registered_aliases":[],"alias_count":0}})";
  return http::Response::json_text(std::move(text));
}

void add_routes(http::Routes& routes, Service& service) {
  routes.post("/api/query",
              {.tag = "query",
               .summary = "Run one SELECT over the tables that you may read",
               .executor = http::Executor::query,
               .max_body = kMaxSql + (1u << 20),
               .answer = http::schema_of<contract::QueryAnswer>},
              [&service](const http::Caller& caller, const contract::Query& body) {
                return service.answer(caller, body.sql, body.limit);
              });

  routes.post("/api/query/hybrid",
              {.auth = http::Auth::admin,
               .tag = "query",
               .summary = "The same over all tables here and answers of BigQuery",
               .description = "`register_bq` names queries that BigQuery answers first, each as a table for "
                              "`sql`; a server without a connection to BigQuery refuses them with 400.",
               .executor = http::Executor::query,
               .max_body = kMaxSql + (1u << 20),
               .answer = http::schema_of<HybridAnswer>},
              [&service](const http::Caller& caller, const HybridBody& body) {
                return service.hybrid(caller, body);
              });
}

}  // namespace agnes::query
