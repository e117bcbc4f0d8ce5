#include "app/module.h"

#include "connectors/bigquery/bigquery_connector.h"
#include "connectors/bigquery/settings.h"

namespace agnes::connectors::bigquery {

namespace {

void declare(app::Declarations& declarations) {
  declarations.settings.add<BigQuerySettings>();
}

std::unique_ptr<sync::Connector> make_connector(const config::Config& config) {
  return std::make_unique<BigQueryConnector>(config);
}

class BigQueryModule final : public app::Module {
 public:
  explicit BigQueryModule(app::Services& services) {
    services.extend(sync::ConnectorKind{"bigquery", true, make_connector});
  }
};

}  // namespace

app::ModuleKind module() {
  return {"bigquery", declare, app::make_module<BigQueryModule>};
}

}  // namespace agnes::connectors::bigquery
