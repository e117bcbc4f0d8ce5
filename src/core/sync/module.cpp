#include "app/module.h"

#include "app/config/lost_folder.h"
#include "core/catalog/visible.h"
#include "core/extracts/settings.h"
#include "core/state/schema.h"
#include "core/sync/data_routes.h"
#include "core/sync/orchestrator.h"
#include "core/sync/settings.h"
#include "core/sync/sync_routes.h"

namespace agnes::sync {

namespace {

using boost::json::object;

void declare(app::Declarations& declarations) {
  declarations.settings.add<SyncSettings>();
  using namespace state::types;
  state::declare_table({.name = "sync_state",
                        .columns = {{"table_id", kText},
                                    {"last_sync", kTime},
                                    {"rows", kLong},
                                    {"file_size_bytes", kLong},
                                    {"uncompressed_size_bytes", kLong},
                                    {"columns", kInt},
                                    {"hash", kText},
                                    {"status", kText, kNullable, "'ok'"},
                                    {"error", kText}},
                        .primary_key = {"table_id"}});
  state::declare_table({.name = "sync_history",
                        .columns = {{"id", kText},
                                    {"table_id", kText, kRequired},
                                    {"synced_at", kTime, kRequired},
                                    {"rows", kLong},
                                    {"duration_ms", kInt},
                                    {"status", kText},
                                    {"error", kText}},
                        .primary_key = {"id"}});
  state::declare_table({.name = "view_ownership",
                        .columns = {{"view_name", kText},
                                    {"source_name", kText, kRequired},
                                    {"registered_at", kTime, kRequired, kNow}},
                        .primary_key = {"view_name"}});
  state::declare_table({.name = "user_sync_settings",
                        .columns = {{"user_id", kText},
                                    {"dataset", kText},
                                    {"enabled", kBool, kNullable, "false"},
                                    {"table_mode", kText, kNullable, "'all'"},
                                    {"tables", kJson},
                                    {"updated_at", kTime}},
                        .primary_key = {"user_id", "dataset"}});
}

object analytics_health(const config::Places& places) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(places.analytics(), missing);
  if (missing)
    return {{"status", "info"}, {"detail", "analytics/server.duckdb is not there: the next sync makes it"}};
  return {{"status", "ok"}, {"bytes", size}};
}

// How many things of each kind are wrong. Kinds that an alarm may name are there before anything is wrong.
void write_problems(app::Exposition& out, const Orchestrator& orchestrator) {
  std::map<std::string, int> counts;
  for (const auto* kind : {"collision", "configuration", "damaged", "empty", "extract", "failed", "malformed",
                           "missing", "mixed", "refused", "setting", "source", "unreadable"})
    counts[kind] = 0;
  for (const auto& problem : orchestrator.problems()) ++counts[problem.kind];
  for (const auto& failure : orchestrator.failures()) ++counts[failure.kind];
  out.family("agnes_problems", "gauge", "What is wrong now with sources, tables and extracts, by kind");
  for (const auto& [kind, count] : counts) out.sample(count, {{"kind", kind}});
}

class SyncModule final : public app::Module {
 public:
  explicit SyncModule(app::Services& services)
      : services_(services),
        extensions_(services.config, services.jobs),
        manifests_(services.places.data),
        orchestrator_(
            services.places, services.get<state::Store>(), services.get<catalog::Generations>(),
            services.jobs, connectors_for_sync(services.list<ConnectorKind>(), services.config),
            services.config.get<extracts::ExtractSettings>().read_timeout_seconds,
            [&config = services.config] { return remote_rules(&config); }, extensions_) {
    if (const auto lost = config::lost_folder(services.places); !lost.empty())
      orchestrator_.add_problem({"configuration", "", "", {}, {}, lost});
    services.provide(extensions_);
    services.provide(orchestrator_);
  }

  void jobs(jobs::Service& jobs) override {
    orchestrator_.add_jobs(jobs, services_.config.get<SyncSettings>().interval_seconds);
    jobs.add(extensions_.kind());
  }

  void routes(http::Routes& routes) override {
    const auto& visible = services_.get<catalog::Visible>();
    add_data_routes(routes, visible, manifests_);
    add_settings_routes(routes, services_.get<state::Store>(), visible);
    add_sync_routes(routes, orchestrator_);
  }

  void health(app::HealthReport& report) const override {
    if (report.caller().is_admin) report.add("analytics", analytics_health(services_.places));
  }

  void metrics(app::Exposition& out) const override { write_problems(out, orchestrator_); }

  void start() override { orchestrator_.start(); }

 private:
  app::Services& services_;
  Extensions extensions_;
  Manifests manifests_;
  Orchestrator orchestrator_;
};

}  // namespace

app::ModuleKind module() {
  return {"sync", declare, app::make_module<SyncModule>};
}

}  // namespace agnes::sync
