#pragma once

#include "core/catalog/visible.h"
#include "core/state/store.h"
#include "core/sync/manifest.h"
#include "lib/http/routes.h"

namespace agnes::sync {

// What clients fetch: /api/sync/manifest, /api/data/{table_id}/download and check-access; and what they wish
// to have: /api/sync/settings, /api/sync/table-subscriptions, /api/settings.
void add_data_routes(http::Routes& routes, const catalog::Visible& visible, Manifests& manifests);
void add_settings_routes(http::Routes& routes, state::Store& store, const catalog::Visible& visible);

}  // namespace agnes::sync
