#pragma once

#include <functional>

#include "http/routes.h"
#include "state/store.h"

namespace agnes::catalog {

// /api/admin/registry and /api/admin/register-table. `changed` is called after every change of the registry;
// `removed` with what was unregistered, to take its data away.
void add_registry_routes(http::Routes& routes, state::Store& store, std::function<void()> changed,
                         std::function<void(const std::string& name)> removed);

}  // namespace agnes::catalog
