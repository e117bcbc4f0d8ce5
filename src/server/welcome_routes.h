#pragma once

#include "catalog/visible.h"
#include "config/config.h"
#include "http/routes.h"

namespace agnes::server {

// GET /api/welcome: the guide that `agnes init` leaves in a workspace for the analyst's agent.
void add_welcome_routes(http::Routes& routes, const catalog::Visible& visible, const config::Config& config);

}  // namespace agnes::server
