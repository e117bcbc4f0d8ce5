#include "app/module.h"

#include "features/warm_up/warm_up.h"

namespace agnes::warm_up {

namespace {

class WarmUpModule final : public app::Module {
 public:
  explicit WarmUpModule(app::Services& services)
      : warm_up_(services.get<state::Store>(), services.get<catalog::Generations>(), services.jobs,
                 services.list<catalog::Warmer>()) {}

  void jobs(jobs::Service& jobs) override { jobs.add(warm_up_.kind()); }

  void routes(http::Routes& routes) override { add_routes(routes, warm_up_); }

 private:
  WarmUp warm_up_;
};

}  // namespace

app::ModuleKind module() {
  return {"warm_up", nullptr, app::make_module<WarmUpModule>};
}

}  // namespace agnes::warm_up
