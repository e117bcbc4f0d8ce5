#include "app/module.h"

#include "core/catalog/guide_facts.h"
#include "core/catalog/registry.h"
#include "core/state/schema.h"
#include "features/metrics/metric_routes.h"

namespace agnes::metrics {

namespace {

class MetricsModule final : public app::Module {
 public:
  explicit MetricsModule(app::Services& services) : services_(services) {
    services.extend(catalog::TableUses(metrics_of));
    services.extend(catalog::GuideFact{
        "metrics", [](state::Tx& tx, const http::Caller&) { return summary_of_metrics(tx); }});
  }

  void routes(http::Routes& routes) override {
    add_metric_routes(
        routes, services_.get<state::Store>(), services_.get<catalog::Visible>(),
        [&queries = services_.get<query::Service>()](const http::Caller& caller, const std::string& sql) {
          return queries.check(caller, sql);
        });
  }

 private:
  app::Services& services_;
};

void declare(app::Declarations&) {
  using namespace state::types;
  state::declare_table({.name = "metric_definitions",
                        .columns = {{"id", kText},
                                    {"name", kText, kRequired},
                                    {"display_name", kText, kRequired},
                                    {"category", kText, kRequired},
                                    {"description", kText},
                                    {"type", kText, kNullable, "'sum'"},
                                    {"unit", kText},
                                    {"grain", kText, kNullable, "'monthly'"},
                                    {"table_name", kText},
                                    {"tables", kTexts},
                                    {"expression", kText},
                                    {"time_column", kText},
                                    {"dimensions", kTexts},
                                    {"filters", kTexts},
                                    {"synonyms", kTexts},
                                    {"notes", kTexts},
                                    {"sql", kText, kRequired},
                                    {"sql_variants", kJson},
                                    {"validation", kJson},
                                    {"source", kText, kNullable, "'manual'"},
                                    {"created_at", kTime, kNullable, kNow},
                                    {"updated_at", kTime, kNullable, kNow}},
                        .primary_key = {"id"}});
}

}  // namespace

app::ModuleKind module() {
  return {"metrics", declare, app::make_module<MetricsModule>};
}

}  // namespace agnes::metrics
