#pragma once

#include "app/public_address.h"
#include "lib/http/routes.h"

namespace agnes::client {

// GET /dashboard: where people come after signing in, as long as there is no more to see in a browser.
void add_dashboard_routes(http::Routes& routes, const app::PublicAddress& address);

}  // namespace agnes::client
