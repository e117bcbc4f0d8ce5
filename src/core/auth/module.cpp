#include "app/module.h"

#include "core/auth/routes.h"
#include "core/auth/settings.h"

namespace agnes::auth {

namespace {

// How people sign in.
class AuthModule final : public app::Module {
 public:
  explicit AuthModule(app::Services& services)
      : identity_(services.get<identity::Identity>()),
        outbox_(services.get<identity::EmailOutbox>()),
        config_(services.config) {}

  void routes(http::Routes& routes) override { add_routes(routes, identity_, outbox_, config_); }

 private:
  identity::Identity& identity_;
  identity::EmailOutbox& outbox_;
  const config::Config& config_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<LoginSettings>();
  declarations.settings.add<GoogleSignInSettings>();
  declarations.settings.add<GoogleAccountSettings>();
}

}  // namespace

app::ModuleKind module() {
  return {"auth", declare, app::make_module<AuthModule>};
}

}  // namespace agnes::auth
