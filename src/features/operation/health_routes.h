#pragma once

#include "app/operation.h"
#include "core/catalog/visible.h"
#include "core/state/store.h"
#include "core/sync/orchestrator.h"
#include "features/operation/settings.h"
#include "lib/http/routes.h"
#include "lib/jobs/service.h"

namespace agnes::operation {

// /api/health, /api/health/detailed, /api/version and the page at /.
void add_health_routes(http::Routes& routes, state::Store& store, const catalog::Generations& generations,
                       const catalog::Visible& visible, const jobs::Service& jobs,
                       const sync::Orchestrator& orchestrator, const app::Operation& operation,
                       const BuildSettings& build);

}  // namespace agnes::operation
