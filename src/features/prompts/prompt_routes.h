#pragma once

#include "app/public_address.h"
#include "features/prompts/prompts.h"
#include "lib/http/routes.h"

namespace agnes::prompts {

// GET /api/welcome: the guide that `agnes init` leaves in a workspace for the analyst's agent. For administrators, both
// templates: /api/admin/welcome-template (setup) and /api/admin/workspace-prompt-template.
void add_prompt_routes(http::Routes& routes, Prompts& prompts, const app::PublicAddress& address);

}  // namespace agnes::prompts
