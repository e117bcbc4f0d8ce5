#pragma once

#include "core/catalog/visible.h"
#include "features/remote_tables/remote_metadata.h"
#include "lib/http/routes.h"
#include "lib/jobs/service.h"

namespace agnes::remote_tables {

// /api/v2/metadata-cache and /api/admin/run-bq-metadata-refresh.
void add_metadata_routes(http::Routes& routes, state::Store& store, const catalog::Visible& visible,
                         jobs::Service& jobs, RemoteMetadataCache& cache);

}  // namespace agnes::remote_tables
