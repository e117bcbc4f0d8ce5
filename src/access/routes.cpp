#include "access/routes.h"

#include "access/providers.h"

namespace agnes::access {

void add_routes(http::Routes& routes, Access& access, EmailOutbox& outbox, const config::Config& config) {
  routes.set_authenticator([&access](const http::Request& request, std::string& reason) {
    return access.authenticate(request, reason);
  });
  add_sign_in_routes(routes, access);
  add_link_routes(routes, access);
  add_login_pages(routes, access, outbox, config);
  add_token_routes(routes, access);
  add_email_routes(routes, access, outbox);
  add_user_routes(routes, access, outbox);
  add_group_routes(routes, access);
  add_grant_routes(routes, access);
  add_me_routes(routes, access);
  add_audit_routes(routes, access);
  add_debug_routes(routes, access, config);
  add_provider_routes(routes, access, config);
}

}  // namespace agnes::access
