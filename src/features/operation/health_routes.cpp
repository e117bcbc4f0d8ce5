#include "features/operation/health_routes.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "app/operation.h"
#include "contract/health.h"
#include "core/state/schema.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::operation {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// A server that has just started is about to know its tables.
constexpr std::chrono::milliseconds kWaitLimit{2000};

contract::Version version_of(const BuildSettings& build) {
  return {.version = build.version,
          .channel = build.channel,
          .image_tag = build.tag,
          .commit_sha = build.commit,
          .schema_version = state::kSchemaVersion,
          .deployed_at = format_iso_utc(now())};
}

contract::Health health() {
  return {.current = state::kSchemaVersion, .expected = state::kSchemaVersion};
}

struct DetailQuery {
  std::string include;
  static constexpr json::Rule rules[] = {{.field = "include", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(DetailQuery, (), (include))

object state_part(state::Store& store, std::int64_t& users) {
  try {
    users = store.read([](state::Tx& tx) { return tx.scalar<std::int64_t>("SELECT count(*) FROM users"); })
                .value_or(0);
    return {{"status", "ok"}};
  } catch (const std::exception& error) {
    log::error("health: the state database does not answer: {}", error.what());
    return {{"status", "error"}, {"detail", "the state database does not answer; see the server's log"}};
  }
}

// Of the tables that the caller may read: all of them are an administrator's business, and so is what is wrong with which.
object data_part(const catalog::Generation* generation, const catalog::Visible& visible,
                 const jobs::Service& jobs, const sync::Orchestrator& orchestrator,
                 const http::Caller& caller) {
  if (generation == nullptr) return {{"status", "unknown"}, {"detail", "the extracts are being read"}};
  std::int64_t tables = 0, rows = 0;
  array stale;
  const std::int64_t old = seconds(now()) - catalog::kStaleAfterSeconds;
  const auto set = visible.of(caller);
  std::set<std::string> names;
  for (const auto* table : set->tables) {
    names.insert(to_lower(table->name));
    if (!table->updated) continue;
    ++tables;
    rows += table->rows;
    if (seconds(*table->updated) < old) stale.emplace_back(table->name);
  }
  const auto problems = orchestrator.problems();
  const auto failures = orchestrator.failures();
  // What is wrong with the tables of others is nothing to the caller; what is wrong with a whole source may be of any table.
  const auto counts = [&](const std::string& kind, const std::string& table) {
    if (caller.is_admin || names.contains(to_lower(table))) return true;
    return table.empty() && (kind == "source" || kind == "empty" || kind == "extract");
  };
  const bool wrong =
      std::any_of(problems.begin(), problems.end(), [&](const auto& p) { return counts(p.kind, p.table); }) ||
      std::any_of(failures.begin(), failures.end(), [&](const auto& f) { return counts(f.kind, f.table); });
  object part{{"status", stale.empty() && !wrong ? "ok" : "warning"},
              {"tables", tables},
              {"total_rows", rows},
              {"stale_tables", stale}};
  if (caller.is_admin) {
    part["not_served"] = problems.size();
    part["not_synced"] = failures.size();
    part["problems"] = json::to_json(problems);
    part["failures"] = json::to_json(failures);
  }
  if (const auto run = jobs.latest(sync::kRebuildJob); run && run->outcome == jobs::Outcome::failed) {
    part["status"] = "error";
    part["detail"] = "the extracts could not be read; see the server's log";
  }
  return part;
}

// One word for all parts, as monitoring reads it.
std::string overall(const object& services) {
  std::string worst = "healthy";
  for (const auto& part : services) {
    const auto* status = part.value().as_object().if_contains("status");
    if (status == nullptr) continue;
    if (*status == value("error")) return "unhealthy";
    if (*status == value("warning")) worst = "degraded";
  }
  return worst;
}

constexpr std::string_view kFrontPage = R"(<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Agnes</title><style>
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:42rem;margin:12vh auto;padding:0 1.5rem}
h1{font-weight:650;letter-spacing:-.02em}code{padding:.1em .35em;border-radius:.3em;background:#8882}a{color:inherit}
</style></head><body><h1>Agnes</h1><p>This server hands analysts the tables that they may see.</p>
<p>On your machine: <code>agnes auth login --server &lt;this address&gt; --email you@example.com</code>, then
<code>agnes init</code>.</p><p><a href="/login">Sign in</a> · <a href="/docs">API reference</a> · <a href="/api/health">Health</a></p></body></html>)";

}  // namespace

void add_health_routes(http::Routes& routes, state::Store& store, const catalog::Generations& generations,
                       const catalog::Visible& visible, const jobs::Service& jobs,
                       const sync::Orchestrator& orchestrator, const app::Operation& operation,
                       const BuildSettings& build) {
  using http::Auth;
  routes.get("/api/health",
             {.auth = Auth::none,
              .tag = "health",
              .summary = "Whether the server answers",
              .executor = http::Executor::io},
             [] { return health(); });
  routes.get(
      "/api/version",
      {.auth = Auth::none, .tag = "health", .summary = "What runs here", .executor = http::Executor::io},
      [version = version_of(build)] { return version; });
  routes.get(
      "/api/health/detailed",
      {.tag = "health",
       .summary = "Each part's own verdict",
       .answer = http::schema_of<contract::HealthReport>},
      [&store, &generations, &visible, &jobs, &orchestrator, &operation, version = version_of(build)](
          const http::Caller& caller, const http::Query<DetailQuery>& query) {
        object services;
        std::int64_t users = 0;
        services["duckdb_state"] = state_part(store, users);
        if (query->include == "schema") services["db_schema"] = json::to_json(health()).as_object();
        services["data"] = data_part(generations.peek(kWaitLimit).get(), visible, jobs, orchestrator, caller);
        services["users"] = {{"status", "ok"}};
        if (caller.is_admin) services["users"].as_object()["count"] = users;
        services["session_pipeline"] = {{"status", "ok"}, {"detail", "no session waits to be processed"}};
        app::HealthReport report(caller);
        operation.health(report);
        for (auto& part : report.parts()) services[part.key()] = std::move(part.value());
        object out = json::to_json(version).as_object();
        out["status"] = overall(services);
        out["timestamp"] = format_iso_utc(now());
        out["services"] = std::move(services);
        return out;
      });
  routes.get("/", {.auth = Auth::none, .executor = http::Executor::io, .hidden = true},
             [] { return http::Response::html(std::string(kFrontPage)); });
}

}  // namespace agnes::operation
