#pragma once

#include "catalog/visible.h"
#include "catalog/warm_up.h"
#include "http/routes.h"

namespace agnes::catalog {

// /api/v2/metadata-cache, /api/admin/run-bq-metadata-refresh and /api/admin/cache-warmup.
void add_metadata_routes(http::Routes& routes, state::Store& store, const Visible& visible,
                         jobs::Runner& runner, RemoteMetadataCache& cache, WarmUp& warm_up);

}  // namespace agnes::catalog
