#include "app/module.h"

#include "features/client/client_routes.h"
#include "features/client/settings.h"
#include "features/client/welcome_routes.h"

namespace agnes::client {

namespace {

// The client program and what it is told of this server.
class ClientModule final : public app::Module {
 public:
  explicit ClientModule(app::Services& services) : services_(services) {}

  void routes(http::Routes& routes) override {
    add_client_routes(routes, services_.places, services_.public_address,
                      services_.config.get<ClientSettings>());
    add_welcome_routes(routes, services_.get<catalog::Visible>(), services_.config, services_.public_address);
  }

 private:
  app::Services& services_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<ClientSettings>();
  declarations.settings.add<WelcomeSettings>();
}

}  // namespace

app::ModuleKind module() {
  return {"client", declare, app::make_module<ClientModule>};
}

}  // namespace agnes::client
