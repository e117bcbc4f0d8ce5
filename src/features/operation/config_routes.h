#pragma once

#include "app/config/overlay.h"
#include "core/state/store.h"
#include "lib/http/routes.h"

namespace agnes::operation {

// /api/admin/server-config (the settings as a form, and changes to them) and /api/admin/configure (a data
// source in one step). Each change is in the audit log with what differs, secrets masked.
void add_config_routes(http::Routes& routes, state::Store& store, config::Overlay& overlay);

}  // namespace agnes::operation
