#pragma once

#include "cli/api.h"
#include "cli/workspace.h"

// CLAUDE.md: what the agent reads first, with the tables that the user may see.
namespace agnes::cli {

// The server's text. Throws Failure.
std::string fetch_guide(Api& api);
// Puts the server's present text between the marks of CLAUDE.md; without marks, nothing is done. What goes wrong is
// said on standard error: the tables are there all the same.
void renew_guide(Api& api, const Workspace& workspace);

}  // namespace agnes::cli
