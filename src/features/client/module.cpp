#include "app/module.h"

#include "core/identity/email_outbox.h"
#include "features/client/client_routes.h"
#include "features/client/welcome_routes.h"

namespace agnes::client {

namespace {

// The client program and what it is told of this server.
class ClientModule final : public app::Module {
 public:
  explicit ClientModule(app::Services& services) : services_(services) {}

  void routes(http::Routes& routes) override {
    add_client_routes(routes, services_.places, services_.get<identity::EmailOutbox>().settings().public_url);
    add_welcome_routes(routes, services_.get<catalog::Visible>(), services_.config);
  }

 private:
  app::Services& services_;
};

}  // namespace

app::ModuleKind module() {
  return {"client", nullptr, app::make_module<ClientModule>};
}

}  // namespace agnes::client
