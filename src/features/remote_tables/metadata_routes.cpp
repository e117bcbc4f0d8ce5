#include "features/remote_tables/metadata_routes.h"

#include "core/catalog/source_kind.h"
#include "lib/base/error.h"

namespace agnes::remote_tables {

namespace {

struct CachedTable {
  std::string table_id;
  std::optional<Timestamp> refreshed_at;
  std::optional<std::int64_t> rows, size_bytes;
  std::optional<std::string> partition_by;
  boost::json::array clustered_by;
  std::optional<std::string> entity_type;
  boost::json::array known_columns;
  std::optional<Timestamp> error_at;
  std::optional<std::string> error_msg;
  std::string freshness;
  static constexpr json::Rule rules[] = {
      {.field = "clustered_by", .description = "Names of columns"},
      {.field = "known_columns", .description = "Columns as the engine reports them"}};
};
BOOST_DESCRIBE_STRUCT(CachedTable, (),
                      (table_id, refreshed_at, rows, size_bytes, partition_by, clustered_by, entity_type,
                       known_columns, error_at, error_msg, freshness))
struct CacheStatus {
  std::int64_t scheduler_interval_seconds = 0, fresh_threshold_seconds = 0;
  std::string server_time;
  std::vector<CachedTable> tables;
};
BOOST_DESCRIBE_STRUCT(CacheStatus, (),
                      (scheduler_interval_seconds, fresh_threshold_seconds, server_time, tables))

struct RefreshQuery {
  std::string table;
};
BOOST_DESCRIBE_STRUCT(RefreshQuery, (), (table))

struct RefreshedTables {
  std::string run_id, started_at;
  std::int64_t total = 0, succeeded = 0, no_data = 0, failed = 0, duration_ms = 0;
};
BOOST_DESCRIBE_STRUCT(RefreshedTables, (),
                      (run_id, started_at, total, succeeded, no_data, failed, duration_ms))

boost::json::array list_of(const boost::json::value& value) {
  return value.is_array() ? value.get_array() : boost::json::array();
}

CacheStatus status(const RemoteMetadataCache& cache, const catalog::VisibleSet& set) {
  const auto moment = now();
  CacheStatus out{.scheduler_interval_seconds = cache.interval_seconds(),
                  .fresh_threshold_seconds = cache.fresh_seconds(),
                  .server_time = format_iso_utc(moment),
                  .tables = {}};
  for (auto& row : cache.all()) {
    if (set.find(row.table_id) == nullptr) continue;
    out.tables.push_back({.table_id = row.table_id,
                          .refreshed_at = row.refreshed_at,
                          .rows = row.rows,
                          .size_bytes = row.size_bytes,
                          .partition_by = row.partition_by,
                          .clustered_by = list_of(row.clustered_by),
                          .entity_type = row.entity_type,
                          .known_columns = list_of(row.known_columns),
                          .error_at = row.error_at,
                          .error_msg = row.error_msg,
                          .freshness = cache.freshness(row, moment)});
  }
  return out;
}

std::string run_refresh(jobs::Service& jobs) {
  try {
    return jobs.run_now(kMetadataJob);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::conflict) throw;
    const auto active = jobs.active(kMetadataJob);
    boost::json::value since, id;
    if (active) id = active->id;
    if (active && active->started) since = format_iso_utc(*active->started);
    const std::string hint = "a refresh is under way; see agnes admin jobs list";
    throw Error(ErrorKind::conflict, hint,
                boost::json::object{
                    {"reason", "already_running"}, {"run_id", id}, {"started_at", since}, {"hint", hint}});
  }
}

// Runs the job and waits for it.
RefreshedTables refresh_all(jobs::Service& jobs) {
  const auto began = now();
  const auto id = run_refresh(jobs);
  const auto run = jobs.wait(id);
  if (!run || !run->result.is_object())
    throw Error(
        ErrorKind::unavailable,
        run && run->error ? *run->error : "the refresh did not come to its end; see agnes admin jobs list");
  const auto& counts = run->result.get_object();
  const auto count = [&](std::string_view name) { return counts.at(name).to_number<std::int64_t>(); };
  return {.run_id = id,
          .started_at = format_iso_utc(began),
          .total = count("total"),
          .succeeded = count("succeeded"),
          .no_data = count("no_data"),
          .failed = count("failed"),
          .duration_ms = (now().micros - began.micros) / 1000};
}

}  // namespace

void add_metadata_routes(http::Routes& routes, state::Store& store, const catalog::Visible& visible,
                         jobs::Service& jobs, RemoteMetadataCache& cache) {
  using http::Auth;
  routes.get("/api/v2/metadata-cache/status",
             {.tag = "catalog", .summary = "What is known of your remote tables, and since when"},
             [&](const http::Caller& caller) { return status(cache, *visible.of(caller)); });

  routes.post("/api/v2/metadata-cache/refresh",
              {.auth = Auth::admin,
               .tag = "catalog",
               .summary = "Ask the engine of one remote table now",
               .executor = http::Executor::tasks},
              [&](const http::Query<RefreshQuery>& query) {
                const auto row = store.read([&](state::Tx& tx) { return catalog::find(tx, query->table); });
                if (!row)
                  throw Error(ErrorKind::not_found, fmt::format("there is no table '{}'", query->table));
                if (!catalog::is_at_engine(*row))
                  throw Error(
                      ErrorKind::bad_request,
                      fmt::format("the table {} does not stay at its source; what is known of a table "
                                  "that is here comes with its sync",
                                  row->id));
                return cache.refresh(*row);
              });

  routes.post("/api/admin/run-bq-metadata-refresh",
              {.auth = Auth::admin, .tag = "jobs", .summary = "Ask the engines of all remote tables now"},
              [&] { return refresh_all(jobs); });
}

}  // namespace agnes::remote_tables
