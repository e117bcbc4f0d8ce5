#include "app/module.h"

#include "core/identity/identity.h"
#include "core/sync/settings.h"
#include "features/prompts/prompt_routes.h"

namespace agnes::prompts {

namespace {

// "15 minutes", "hour": how often data is updated.
std::string interval_of(const config::Config& config) {
  const auto told = config.get<PromptSettings>().sync_interval;
  if (!told.empty()) return told;
  const auto minutes = (config.get<sync::SyncSettings>().interval_seconds + 59) / 60;
  const bool hours = minutes % 60 == 0;
  const auto count = hours ? minutes / 60 : minutes;
  const std::string unit = hours ? "hour" : "minute";
  return count == 1 ? unit : fmt::format("{} {}s", count, unit);
}

About about(const config::Config& config) {
  const std::string source = config.source();
  return {.name = config.get<identity::InstanceSettings>().name,
          .subtitle = config.get<PromptSettings>().subtitle,
          .sync_interval = interval_of(config),
          .source_type = source == "files" ? "local" : source};
}

class PromptsModule final : public app::Module {
 public:
  explicit PromptsModule(app::Services& services)
      : services_(services),
        prompts_(services.get<state::Store>(), services.get<identity::Identity>().directory(),
                 services.get<catalog::Visible>(), services.list<catalog::GuideFact>(),
                 about(services.config)) {}

  void routes(http::Routes& routes) override {
    add_prompt_routes(routes, prompts_, services_.public_address);
  }

 private:
  app::Services& services_;
  Prompts prompts_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<PromptSettings>();
}

}  // namespace

app::ModuleKind module() {
  return {"prompts", declare, app::make_module<PromptsModule>};
}

}  // namespace agnes::prompts
