#include "app/module.h"

#include "core/catalog/routes.h"
#include "core/query/scan.h"
#include "core/query/service.h"
#include "core/query/settings.h"

namespace agnes::query {

namespace {

PoolOptions pool_options(const config::Config& config) {
  const auto settings = config.get<QuerySettings>();
  PoolOptions options;
  options.max_workers = settings.max_workers;
  options.memory_bytes = settings.memory_mb << 20;
  options.spill_bytes = settings.spill_mb << 20;
  options.spill_reserve_bytes = settings.spill_reserve_mb << 20;
  options.time_limit_seconds = settings.timeout_seconds;
  options.spill_folder = config.places().data / "tmp";
  return options;
}

ServiceLimits service_limits(const QuerySettings& settings) {
  return {.max_rows = settings.max_rows,
          .max_result_bytes = settings.max_result_mb << 20,
          .transfer_limit = settings.transfer_timeout_seconds};
}

ScanLimits scan_limits(const ScanSettings& settings) {
  return {.max_limit = settings.max_limit,
          .max_result_bytes = settings.max_result_bytes,
          .time_limit_seconds = settings.request_timeout_seconds,
          .transfer_timeout_seconds = settings.transfer_timeout_seconds,
          .quota = {.at_once = settings.max_concurrent_per_user,
                    .daily_bytes = settings.max_daily_bytes_per_user}};
}

void declare(app::Declarations& declarations) {
  declarations.settings.add<QuerySettings>();
  declarations.settings.add<ScanSettings>();
}

class QueryModule final : public app::Module {
 public:
  explicit QueryModule(app::Services& services)
      : pool_(pool_options(services.config)),
        service_(services.get<catalog::Visible>(), pool_,
                 service_limits(services.config.get<QuerySettings>()), services.get<RemoteAccess>()),
        scans_(services.get<catalog::Visible>(), service_, scan_limits(services.config.get<ScanSettings>())),
        run_query_([this](const http::Caller& caller, const std::string& sql, std::int64_t limit,
                          std::string before, std::string after) {
          return service_.rows(caller, sql, limit, std::move(before), std::move(after));
        }) {
    // As many threads as there are query processes, so that statements wait in the executor's queue, and half of them
    // for one caller.
    const auto workers = static_cast<int>(services.config.get<QuerySettings>().max_workers);
    services.server.query_threads = workers;
    services.server.queries_per_caller = std::max(1, workers / 2);
    services.provide(service_);
    services.provide(run_query_);
    services.get<catalog::Generations>().on_publish([this](const catalog::Generation& generation) {
      pool_.retire_others(fmt::format("{}/", generation.number()));
    });
  }

  void routes(http::Routes& routes) override {
    add_routes(routes, service_);
    add_scan_routes(routes, scans_);
  }

  void start() override { pool_.warm(); }

  void health(app::HealthReport& report) const override {
    if (!report.caller().is_admin) return;
    const auto counts = pool_.counts();
    const bool full = counts.busy >= counts.most;
    boost::json::object part{{"status", full ? "warning" : "ok"},
                             {"busy", counts.busy},
                             {"idle", counts.idle},
                             {"spare", counts.spare},
                             {"max", counts.most},
                             {"crashed", counts.crashed},
                             {"timed_out", counts.timed_out}};
    if (full) part["detail"] = "all query processes are busy: more statements wait";
    report.add("workers", std::move(part));
  }

  void metrics(app::Exposition& out) const override {
    const auto counts = pool_.counts();
    out.family("agnes_query_statements_total", "counter", "Statements of callers by how they ended");
    const std::pair<const char*, std::uint64_t> outcomes[] = {
        {"ok", counts.ok},           {"refused", counts.refused},     {"timeout", counts.timed_out},
        {"crashed", counts.crashed}, {"abandoned", counts.abandoned}, {"turned_away", counts.turned_away}};
    for (const auto& [outcome, count] : outcomes) out.sample(count, {{"outcome", outcome}});
    out.family("agnes_query_workers", "gauge", "Query processes by what they do");
    out.sample(counts.busy, {{"state", "busy"}});
    out.sample(counts.idle, {{"state", "idle"}});
    out.sample(counts.spare, {{"state", "spare"}});
    out.one("agnes_query_workers_max", "gauge",
            "Query processes that there may be at once (query.max_workers)", counts.most);
  }

 private:
  Pool pool_;
  Service service_;
  Scans scans_;
  catalog::RunQuery run_query_;
};

}  // namespace

app::ModuleKind module() {
  return {"query", declare, app::make_module<QueryModule>};
}

}  // namespace agnes::query
