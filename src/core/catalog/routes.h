#pragma once

#include <functional>

#include "core/catalog/remote_tables.h"
#include "core/catalog/visible.h"
#include "lib/http/routes.h"

namespace agnes::catalog {

// Runs one trusted statement over a caller's tables and gives the rows as JSON text, a list of objects whose values
// are those of the query API; set by the query feature. Text, as no parser keeps every digit and every depth.
using RunQuery = std::function<std::string(const http::Caller&, const std::string& sql, std::int64_t limit)>;

// What there is, for callers: /api/v2/catalog, /api/v2/schema, /api/v2/sample, /api/catalog/tables. Of tables
// that stay elsewhere `remote` tells the rest.
void add_routes(http::Routes& routes, state::Store& store, const Visible& visible, RemoteTables& remote,
                RunQuery run);

}  // namespace agnes::catalog
