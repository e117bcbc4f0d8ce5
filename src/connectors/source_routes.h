#pragma once

#include <functional>

#include "catalog/registry.h"
#include "catalog/remote_metadata.h"
#include "config/config.h"
#include "http/routes.h"
#include "state/store.h"

namespace agnes::connectors {

// /api/admin/discover-tables, /api/admin/discover-and-register and, for each source,
// /api/admin/{source}/test-connection. They work with the settings as they are saved now (`settings`), so
// that what was just typed in can be tried before a restart. `changed` is called after tables were
// registered.
void add_source_routes(http::Routes& routes, state::Store& store, std::function<config::Config()> settings,
                       std::function<void()> changed);

// For the catalogue: what the engine of a remote table says of it. Throws Error with the reason why it does
// not.
std::optional<catalog::RemoteFacts> facts(const catalog::Registration& row, const config::Config& settings);

// The first rows of a remote table, as its engine has them. Throws likewise.
boost::json::array sample(const catalog::Registration& row, const config::Config& settings, int rows);

// For a precheck: what the table's source says of it; empty for a source that is not set up.
boost::json::object look_up(const catalog::Registration& row, const config::Config& settings);

}  // namespace agnes::connectors
