#pragma once

#include "core/catalog/visible.h"
#include "core/state/store.h"
#include "features/metrics/metrics.h"
#include "lib/http/routes.h"

namespace agnes::metrics {

// /api/metrics for everybody, /api/admin/metrics for administrators, and the old address below /api/catalog.
void add_metric_routes(http::Routes& routes, state::Store& store, const catalog::Visible& visible,
                       CheckSql check);

}  // namespace agnes::metrics
