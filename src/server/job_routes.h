#pragma once

#include "http/routes.h"
#include "jobs/scheduler.h"
#include "state/store.h"

namespace agnes::server {

// /api/admin/jobs: what runs in the background, for administrators: the list, its stream, start and cancel.
void add_job_routes(http::Routes& routes, state::Store& store, jobs::Scheduler& scheduler,
                    const jobs::Runner& runner);

}  // namespace agnes::server
