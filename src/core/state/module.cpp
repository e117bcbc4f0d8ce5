#include "app/module.h"

#include "core/state/schema.h"
#include "core/state/store.h"

namespace agnes::state {

namespace {

// What rows of old databases need to be understood (migrations.h); the connector declares the setting.
struct OldQueries {
  std::string project;
  static constexpr config::Rule kRules[] = {
      {.member = "project", .key = "data_source.bigquery.project", .help = "Project with the data"}};
};
BOOST_DESCRIBE_STRUCT(OldQueries, (), (project))

std::string project_of_old_queries(const config::Config& config) {
  const bool declared = config::find_setting(OldQueries::kRules[0].key) != nullptr;
  return declared ? config.get<OldQueries>().project : "";
}

// Opens the state database. The lock that it takes makes this the only server of the data directory.
class StateModule final : public app::Module {
 public:
  explicit StateModule(app::Services& services)
      : store_(services.places.state, {.bigquery_project = project_of_old_queries(services.config)}) {
    services.provide(store_);
  }

 private:
  Store store_;
};

void declare(app::Declarations&) {
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
