#pragma once

#include "config/overlay.h"
#include "http/routes.h"
#include "state/store.h"

namespace agnes::server {

// /api/admin/server-config (the settings as a form, and changes to them) and /api/admin/configure (a data
// source in one step). Each change is in the audit log with what differs, secrets masked.
void add_config_routes(http::Routes& routes, state::Store& store, config::Overlay& overlay);

}  // namespace agnes::server
