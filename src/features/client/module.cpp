#include "app/module.h"

#include "features/client/client_routes.h"
#include "features/client/dashboard_routes.h"
#include "features/client/settings.h"

namespace agnes::client {

namespace {

// The client program, and the way to it.
class ClientModule final : public app::Module {
 public:
  explicit ClientModule(app::Services& services) : services_(services) {}

  void routes(http::Routes& routes) override {
    add_client_routes(routes, services_.places, services_.public_address,
                      services_.config.get<ClientSettings>());
    add_dashboard_routes(routes, services_.public_address);
  }

 private:
  app::Services& services_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<ClientSettings>();
}

}  // namespace

app::ModuleKind module() {
  return {"client", declare, app::make_module<ClientModule>};
}

}  // namespace agnes::client
