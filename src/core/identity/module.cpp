#include "app/module.h"

#include "core/identity/routes.h"

namespace agnes::identity {

namespace {

using boost::json::object;

object mail_health(const EmailOutbox& outbox) {
  if (outbox.ready()) return {{"status", "ok"}};
  return {{"status", "info"},
          {"detail", outbox.settings().usable() ? "no links are mailed: SERVER_URL or DOMAIN is not set"
                                                : "no mail is sent: neither a relay nor SendGrid is set"}};
}

class IdentityModule final : public app::Module {
 public:
  explicit IdentityModule(app::Services& services)
      : identity_(services.get<state::Store>(), read_settings(services.config, services.public_address)),
        outbox_(identity_.users(), read_mail_settings(services.config, services.public_address),
                services.public_address, services.jobs) {
    services.provide(identity_);
    services.provide(outbox_);
  }

  void jobs(jobs::Service& jobs) override { jobs.add(outbox_.kind()); }

  void routes(http::Routes& routes) override {
    routes.set_authenticator([this](const http::Request& request, std::string& reason) {
      return identity_.authenticate(request, reason);
    });
    add_token_routes(routes, identity_);
    add_user_routes(routes, identity_, outbox_);
    add_group_routes(routes, identity_);
    add_grant_routes(routes, identity_);
    add_me_routes(routes, identity_);
    add_audit_routes(routes, identity_);
  }

  void health(app::HealthReport& report) const override {
    if (report.caller().is_admin) report.add("mail", mail_health(outbox_));
  }

 private:
  Identity identity_;
  EmailOutbox outbox_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<InstanceSettings>();
  declarations.settings.add<AccessSettings>();
  declarations.settings.add<GroupSettings>();
  declarations.settings.add<EmailSettings>();
}

}  // namespace

app::ModuleKind module() {
  return {"identity", declare, app::make_module<IdentityModule>};
}

}  // namespace agnes::identity
