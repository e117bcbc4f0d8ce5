#pragma once

#include "core/catalog/visible.h"
#include "features/profiles/profiles.h"
#include "lib/http/routes.h"

namespace agnes::profiles {

// /api/catalog/profile: for those who may read the table.
void add_profile_routes(http::Routes& routes, const catalog::Visible& visible, Profiles& profiles);

}  // namespace agnes::profiles
