#include "app/module.h"

#include "core/identity/routes.h"
#include "core/state/schema.h"

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
  using namespace state::types;
  state::declare_table({.name = "users",
                        .columns = {{"id", kText},
                                    {"email", kText, kRequired},
                                    {"name", kText},
                                    {"password_hash", kText},
                                    {"setup_token", kText},
                                    {"setup_token_created", kTime},
                                    {"reset_token", kText},
                                    {"reset_token_created", kTime},
                                    {"active", kBool, kRequired, "true"},
                                    {"deactivated_at", kTime},
                                    {"deactivated_by", kText},
                                    {"created_at", kTime, kNullable, kNow},
                                    {"updated_at", kTime},
                                    {"onboarded", kBool, kRequired, "false"}},
                        .primary_key = {"id"},
                        .uniques = {{"email"}}});
  state::declare_table({.name = "user_groups",
                        .columns = {{"id", kText},
                                    {"name", kText, kRequired},
                                    {"description", kText},
                                    {"is_system", kBool, kNullable, "false"},
                                    {"created_at", kTime, kNullable, kNow},
                                    {"created_by", kText}},
                        .primary_key = {"id"},
                        .uniques = {{"name"}}});
  state::declare_table({.name = "user_group_members",
                        .columns = {{"user_id", kText},
                                    {"group_id", kText},
                                    {"source", kText, kRequired},
                                    {"added_at", kTime, kNullable, kNow},
                                    {"added_by", kText}},
                        .primary_key = {"user_id", "group_id"},
                        .references = {{"group_id", "user_groups", "id"}}});
  state::declare_table({.name = "resource_grants",
                        .columns = {{"id", kText},
                                    {"group_id", kText, kRequired},
                                    {"resource_type", kText, kRequired},
                                    {"resource_id", kText, kRequired},
                                    {"assigned_at", kTime, kNullable, kNow},
                                    {"assigned_by", kText}},
                        .primary_key = {"id"},
                        .uniques = {{"group_id", "resource_type", "resource_id"}},
                        .references = {{"group_id", "user_groups", "id"}}});
  state::declare_table({.name = "personal_access_tokens",
                        .columns = {{"id", kText},
                                    {"user_id", kText, kRequired},
                                    {"name", kText, kRequired},
                                    {"token_hash", kText, kRequired},
                                    {"prefix", kText, kRequired},
                                    {"scopes", kText},
                                    {"created_at", kTime, kRequired, kNow},
                                    {"expires_at", kTime},
                                    {"last_used_at", kTime},
                                    {"last_used_ip", kText},
                                    {"revoked_at", kTime}},
                        .primary_key = {"id"}});
}

}  // namespace

app::ModuleKind module() {
  return {"identity", declare, app::make_module<IdentityModule>};
}

}  // namespace agnes::identity
