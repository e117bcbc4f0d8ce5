#pragma once

#include "catalog/profiles.h"
#include "catalog/visible.h"
#include "http/routes.h"

namespace agnes::catalog {

// /api/catalog/profile: for those who may read the table.
void add_profile_routes(http::Routes& routes, const Visible& visible, Profiles& profiles);

}  // namespace agnes::catalog
