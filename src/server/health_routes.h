#pragma once

#include "catalog/generation.h"
#include "config/config.h"
#include "http/routes.h"
#include "jobs/runner.h"
#include "state/store.h"
#include "sync/orchestrator.h"

namespace agnes::server {

// /api/health, /api/health/detailed, /api/version and the page at /.
void add_health_routes(http::Routes& routes, state::Store& store, const catalog::Generations& generations,
                       const jobs::Runner& runner, const sync::Orchestrator& orchestrator,
                       const config::Places& places, std::function<boost::json::object()> operator_parts);

}  // namespace agnes::server
