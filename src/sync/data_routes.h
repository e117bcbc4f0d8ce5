#pragma once

#include "catalog/visible.h"
#include "http/routes.h"
#include "state/store.h"
#include "sync/manifest.h"

namespace agnes::sync {

// What clients fetch: /api/sync/manifest, /api/data/{table_id}/download and check-access; and what they wish
// to have: /api/sync/settings, /api/sync/table-subscriptions, /api/settings.
void add_data_routes(http::Routes& routes, const catalog::Visible& visible, Manifests& manifests);
void add_settings_routes(http::Routes& routes, state::Store& store, const catalog::Visible& visible);

}  // namespace agnes::sync
