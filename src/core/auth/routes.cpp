#include "core/auth/routes.h"

#include "core/auth/providers.h"

namespace agnes::auth {

void add_routes(http::Routes& routes, identity::Identity& identity, identity::EmailOutbox& outbox,
                const config::Config& config) {
  add_sign_in_routes(routes, identity);
  add_cli_routes(routes, identity);
  add_link_routes(routes, identity);
  add_login_pages(routes, identity, outbox, config);
  add_email_routes(routes, identity, outbox);
  add_debug_routes(routes, identity, config);
  add_provider_routes(routes, identity, config);
  add_error_pages(routes);
}

}  // namespace agnes::auth
