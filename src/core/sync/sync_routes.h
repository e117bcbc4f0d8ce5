#pragma once

#include "core/sync/orchestrator.h"
#include "lib/http/routes.h"

namespace agnes::sync {

// /api/sync/trigger and /api/sync/status.
void add_sync_routes(http::Routes& routes, Orchestrator& orchestrator);

}  // namespace agnes::sync
