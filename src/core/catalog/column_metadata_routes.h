#pragma once

#include "core/catalog/column_metadata.h"
#include "core/catalog/visible.h"
#include "core/state/store.h"
#include "lib/http/routes.h"

namespace agnes::catalog {

// /api/admin/metadata: to be read by those who may read the table, to be written by administrators. The source
// of a table is told with the settings that the server started with.
void add_column_metadata_routes(http::Routes& routes, state::Store& store, const Visible& visible,
                                const config::Config& config);

}  // namespace agnes::catalog
