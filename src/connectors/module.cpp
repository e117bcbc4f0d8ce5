#include "app/module.h"

#include "connectors/remote_access.h"
#include "connectors/source_routes.h"
#include "connectors/staged.h"
#include "core/catalog/registry_routes.h"
#include "core/sync/orchestrator.h"
#include "core/sync/run_ledger.h"

namespace agnes::connectors {

namespace {

using boost::json::value;

std::string store_staged(const value& input, const workers::TaskContext&) {
  return json::to_text(store(json::from_json<StagedTable>(input)));
}
std::string take_out_table(const value& input, const workers::TaskContext&) {
  take_out(std::string(input.at("extract_dir").as_string()), std::string(input.at("table").as_string()));
  return "null";
}

void declare(app::Declarations& declarations) {
  declarations.tasks.emplace("extract.store", store_staged);       // StagedTable: its number of rows
  declarations.tasks.emplace("extract.take_out", take_out_table);  // {"extract_dir", "table"}: null
}

// What the connectors together are to others: engines to ask and to attach, sources to look into.
class SourcesModule final : public app::Module {
 public:
  explicit SourcesModule(app::Services& services)
      : services_(services),
        kinds_(services.list<sync::ConnectorKind>()),
        remote_access_(remote_access(services.list<EngineAccess>(), services.get<sync::Extensions>())),
        engines_{
            .facts =
                [this](const catalog::Registration& row) { return facts(kinds_, row, services_.current()); },
            .rows = [this](const catalog::Registration& row,
                           int rows) { return sample(kinds_, row, services_.current(), rows); }},
        hooks_{.settings = [this] { return services_.current(); },
               .describe =
                   [this](const catalog::Registration& row) {
                     return describe(kinds_, row, services_.current());
                   },
               .holder = sync::owner_of,
               .changed = [this] { services_.get<sync::Orchestrator>().refresh(); },
               .removed =
                   [this](const catalog::Registration& row) {
                     services_.get<sync::Orchestrator>().removed(row);
                   },
               .redefined =
                   [this](const catalog::Registration& row) {
                     services_.get<sync::Orchestrator>().redefined(row);
                   }} {
    services.provide(remote_access_);
    services.provide(engines_);
    services.provide(hooks_);
  }

  void routes(http::Routes& routes) override {
    add_source_routes(routes, services_.get<state::Store>(), kinds_, hooks_.settings, hooks_.changed);
  }

 private:
  app::Services& services_;
  const sync::ConnectorKinds& kinds_;
  query::RemoteAccess remote_access_;
  catalog::Engines engines_;
  catalog::RegistryHooks hooks_;
};

}  // namespace

app::ModuleKind module() {
  return {"connectors", declare, app::make_module<SourcesModule>};
}

}  // namespace agnes::connectors
