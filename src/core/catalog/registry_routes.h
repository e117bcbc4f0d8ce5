#pragma once

#include <functional>

#include "app/config/config.h"
#include "core/catalog/registry.h"
#include "core/identity/directory.h"
#include "lib/http/routes.h"

namespace agnes::catalog {

// What the registry's routes need of others. Called from many threads.
struct RegistryHooks {
  // The settings as they are saved now, which may be newer than those that the server started with.
  std::function<config::Config()> settings;
  // What the source says of a table that is to be registered: rows, size_bytes, columns and the like; empty
  // when it is not asked. Throws Error when the source has no such table or cannot be asked.
  std::function<boost::json::object(const Registration&)> describe;
  // The source whose extract has a table of that name, registered or not; also while that is away, if it is registered.
  std::function<std::optional<std::string>(state::Tx&, std::string_view name)> holder;
  // After every change of the registry.
  std::function<void()> changed;
  // With what was unregistered, or a registration that was changed to be elsewhere, to take its data away.
  std::function<void(const Registration& row)> removed;
  // With a registration that is brought from another place or by another query from now on.
  std::function<void(const Registration& row)> redefined;
};

// /api/admin/registry and /api/admin/register-table.
void add_registry_routes(http::Routes& routes, identity::Directory& directory, RegistryHooks hooks);

}  // namespace agnes::catalog
