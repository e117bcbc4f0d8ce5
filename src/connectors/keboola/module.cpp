#include "app/module.h"

#include "connectors/keboola/column_push.h"
#include "connectors/keboola/keboola_connector.h"
#include "connectors/keboola/settings.h"
#include "core/catalog/column_metadata.h"

namespace agnes::connectors::keboola {

namespace {

void declare(app::Declarations& declarations) {
  declarations.settings.add<KeboolaSettings>();
}

std::unique_ptr<sync::Connector> make_connector(const config::Config& config) {
  return std::make_unique<KeboolaConnector>(config);
}

class KeboolaModule final : public app::Module {
 public:
  explicit KeboolaModule(app::Services& services) : push_(column_push(services.config)) {
    services.extend(sync::ConnectorKind{"keboola", true, make_connector});
    services.provide(push_);
  }

 private:
  catalog::PushColumns push_;
};

}  // namespace

app::ModuleKind module() {
  return {"keboola", declare, app::make_module<KeboolaModule>};
}

}  // namespace agnes::connectors::keboola
