#pragma once

#include "catalog/column_metadata.h"
#include "catalog/visible.h"
#include "http/routes.h"
#include "state/store.h"

namespace agnes::catalog {

// /api/admin/metadata: to be read by those who may read the table, to be written by administrators. `push`
// tells the source of a Keboola table.
void add_column_metadata_routes(http::Routes& routes, state::Store& store, const Visible& visible,
                                PushColumns push);

}  // namespace agnes::catalog
