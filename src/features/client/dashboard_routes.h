#pragma once

#include "app/public_address.h"
#include "core/catalog/visible.h"
#include "lib/http/routes.h"

namespace agnes::client {

// GET /api/welcome: the guide that `agnes init` leaves in a workspace for the analyst's agent.
void add_welcome_routes(http::Routes& routes, const catalog::Visible& visible, const config::Config& config,
                        const app::PublicAddress& address);

}  // namespace agnes::client
