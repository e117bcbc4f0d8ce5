#include "app/module.h"

#include "core/state/bigquery_project.h"
#include "core/state/schema.h"
#include "core/state/store.h"

namespace agnes::state {

namespace {

// Opens the state database. The lock that it takes makes this the only server of the data directory.
class StateModule final : public app::Module {
 public:
  explicit StateModule(app::Services& services)
      : store_(services.places.state, {.bigquery_project = services.config.get<BigQueryProject>().project}) {
    services.provide(store_);
  }

 private:
  Store store_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<BigQueryProject>();
  using namespace types;
  declare_table({.name = "audit_log",
                 .columns = {{"id", kText},
                             {"timestamp", kTime, kRequired, kNow},
                             {"user_id", kText},
                             {"action", kText, kRequired},
                             {"resource", kText},
                             {"params", kJson},
                             {"result", kText},
                             {"duration_ms", kInt}},
                 .primary_key = {"id"}});
  declare_table({.name = "schema_version",
                 .columns = {{"version", kInt, kRequired}, {"applied_at", kTime, kNullable, kNow}}});
  declare_contract_tables();
}

}  // namespace

app::ModuleKind module() {
  return {"state", declare, app::make_module<StateModule>};
}

}  // namespace agnes::state
