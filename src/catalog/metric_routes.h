#pragma once

#include "catalog/metrics.h"
#include "catalog/visible.h"
#include "http/routes.h"
#include "state/store.h"

namespace agnes::catalog {

// /api/metrics for everybody, /api/admin/metrics for administrators, and the old address below /api/catalog.
void add_metric_routes(http::Routes& routes, state::Store& store, const Visible& visible, CheckSql check);

}  // namespace agnes::catalog
