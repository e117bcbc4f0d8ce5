#include "app/module.h"

#include "connectors/keboola/column_push.h"
#include "connectors/keboola/keboola_connector.h"
#include "connectors/keboola/registration.h"
#include "connectors/keboola/settings.h"
#include "core/catalog/source_kind.h"

namespace agnes::connectors::keboola {

namespace {

catalog::SourceKind source_kind() {
  return {.type = "keboola",
          .name = "Keboola",
          .settings_help = "Keboola Storage",
          .whole_tables = true,
          .beside = true,
          .place = place,
          .push_columns = push_columns,
          .extension = "keboola",
          .token_variables = {"KBC_TOKEN", "KBC_STORAGE_TOKEN", "KEBOOLA_STORAGE_TOKEN"},
          .address = [](const config::Config& config) { return config.get<KeboolaSettings>().stack_url; },
          .setup = {{.field = "keboola_token", .setting = "storage_token"},
                    {.field = "keboola_url", .setting = "stack_url"},
                    {.field = {}, .setting = "token_env", .fallback = "KEBOOLA_STORAGE_TOKEN"}},
          .verify = verify};
}

void declare(app::Declarations& declarations) {
  declarations.settings.add<KeboolaSettings>();
  declarations.settings.add_unbuilt({.path = "data_source.keboola.project_id",
                                     .kind = config::SettingKind::text,
                                     .help = "Keboola project"});
  catalog::declare_source(declarations.settings, source_kind());
}

std::unique_ptr<sync::Connector> make_connector(const config::Config& config) {
  return std::make_unique<KeboolaConnector>(config);
}

class KeboolaModule final : public app::Module {
 public:
  explicit KeboolaModule(app::Services& services) {
    services.extend(sync::ConnectorKind{"keboola", make_connector});
  }
};

}  // namespace

app::ModuleKind module() {
  return {"keboola", declare, app::make_module<KeboolaModule>};
}

}  // namespace agnes::connectors::keboola
