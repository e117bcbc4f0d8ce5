#include "app/module.h"

#include "core/catalog/registry.h"
#include "features/metrics/metric_routes.h"

namespace agnes::metrics {

namespace {

class MetricsModule final : public app::Module {
 public:
  explicit MetricsModule(app::Services& services) : services_(services) {
    services.extend(catalog::TableUses(metrics_of));
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

}  // namespace

app::ModuleKind module() {
  return {"metrics", nullptr, app::make_module<MetricsModule>};
}

}  // namespace agnes::metrics
