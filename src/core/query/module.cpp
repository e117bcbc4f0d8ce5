#include "app/module.h"

#include "core/catalog/routes.h"
#include "core/query/scan.h"
#include "core/query/service.h"

namespace agnes::query {

namespace {

PoolOptions pool_options(const config::Config& config) {
  PoolOptions options;
  options.max_workers = static_cast<std::size_t>(config.integer_or("query.max_workers", 6));
  options.memory_bytes = static_cast<std::uint64_t>(config.integer_or("query.memory_mb", 1024)) << 20;
  options.spill_bytes = static_cast<std::uint64_t>(config.integer_or("query.spill_mb", 4096)) << 20;
  options.time_limit_seconds =
      static_cast<int>(std::clamp<std::int64_t>(config.integer_or("query.timeout_seconds", 60), 1, 60));
  options.spill_folder = config.places().data / "tmp";
  return options;
}

ServiceLimits service_limits(const config::Config& config) {
  ServiceLimits limits;
  limits.max_rows = config.integer_or("query.max_rows", 100'000);
  limits.max_result_bytes = static_cast<std::uint64_t>(config.integer_or("query.max_result_mb", 64)) << 20;
  limits.transfer_limit = std::chrono::seconds(config.integer_or("query.transfer_timeout_seconds", 300));
  return limits;
}

ScanLimits scan_limits(const config::Config& config) {
  ScanLimits limits;
  const auto set = [&](std::string_view name, auto& limit) {
    limit = static_cast<std::remove_reference_t<decltype(limit)>>(
        config.integer_or(fmt::format("api.scan.{}", name), static_cast<std::int64_t>(limit)));
  };
  set("max_limit", limits.max_limit);
  set("max_result_bytes", limits.max_result_bytes);
  set("request_timeout_seconds", limits.time_limit_seconds);
  set("transfer_timeout_seconds", limits.transfer_timeout_seconds);
  set("max_concurrent_per_user", limits.quota.at_once);
  set("max_daily_bytes_per_user", limits.quota.daily_bytes);
  return limits;
}

class QueryModule final : public app::Module {
 public:
  explicit QueryModule(app::Services& services)
      : pool_(pool_options(services.config)),
        service_(services.get<catalog::Visible>(), pool_, service_limits(services.config),
                 services.get<RemoteAccess>()),
        scans_(services.get<catalog::Visible>(), service_, scan_limits(services.config)),
        run_query_([this](const http::Caller& caller, const std::string& sql, std::int64_t limit) {
          return service_.run(caller, sql, limit);
        }) {
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
  return {"query", nullptr, app::make_module<QueryModule>};
}

}  // namespace agnes::query
