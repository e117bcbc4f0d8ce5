#pragma once

#include <functional>

#include "app/config/config.h"
#include "core/catalog/registry.h"
#include "core/catalog/remote_tables.h"
#include "core/state/store.h"
#include "core/sync/connector.h"
#include "lib/http/routes.h"

namespace agnes::connectors {

// /api/admin/discover-tables, /api/admin/discover-and-register and, for each source,
// /api/admin/{source}/test-connection. They work with the settings as they are saved now (`settings`), so
// that what was just typed in can be tried before a restart. `changed` is called after tables were
// registered.
void add_source_routes(http::Routes& routes, state::Store& store, const sync::ConnectorKinds& kinds,
                       std::function<config::Config()> settings, std::function<void()> changed);

// For the catalogue: what the engine of a remote table says of it. Throws Error with the reason why it does
// not.
std::optional<catalog::RemoteFacts> facts(const sync::ConnectorKinds& kinds, const catalog::Registration& row,
                                          const config::Config& settings);

// The first rows of a remote table, as its engine has them. Throws likewise.
boost::json::array sample(const sync::ConnectorKinds& kinds, const catalog::Registration& row,
                          const config::Config& settings, int rows);

// For a precheck: what the table's source says of it; empty for a source that is not set up.
boost::json::object describe(const sync::ConnectorKinds& kinds, const catalog::Registration& row,
                             const config::Config& settings);

}  // namespace agnes::connectors
