#pragma once

#include <functional>

#include "access/directory.h"
#include "http/routes.h"

namespace agnes::catalog {

// /api/admin/registry and /api/admin/register-table. `changed` is called after every change of the registry;
// `removed` with what was unregistered, to take its data away.
void add_registry_routes(http::Routes& routes, access::Directory& directory, std::function<void()> changed,
                         std::function<void(const std::string& name)> removed);

}  // namespace agnes::catalog
