#pragma once

#include "core/state/store.h"
#include "lib/http/routes.h"
#include "lib/jobs/service.h"

namespace agnes::operation {

// /api/admin/jobs: what runs in the background, for administrators: the list, its stream, start and cancel.
void add_job_routes(http::Routes& routes, state::Store& store, jobs::Service& jobs);

}  // namespace agnes::operation
