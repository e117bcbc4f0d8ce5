#pragma once

#include <functional>

#include "core/catalog/remote_tables.h"
#include "core/catalog/visible.h"
#include "lib/http/routes.h"

namespace agnes::catalog {

// Runs one trusted statement over a caller's tables and answers its rows as a JSON list of objects whose values are those
// of the query API, between two texts; set by the query feature. They may be many bytes, and come as the reader takes them.
using RunQuery = std::function<http::Response(const http::Caller&, const std::string& sql, std::int64_t limit,
                                              std::string before, std::string after)>;

// What there is, for callers: /api/v2/catalog, /api/v2/schema, /api/v2/sample, /api/catalog/tables. Of tables
// that stay elsewhere `remote` tells the rest.
void add_routes(http::Routes& routes, state::Store& store, const Visible& visible, RemoteTables& remote,
                RunQuery run);

}  // namespace agnes::catalog
