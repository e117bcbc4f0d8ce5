#pragma once

#include <string>

#include "cli/config.h"
#include "cli/workspace.h"

namespace agnes::cli {

// Where a command works that moves something between a workspace and its server.
struct Here {
  std::string server;
  Workspace workspace;
};
// Throws Failure with the next step: no server, no workspace, or a workspace of another server than the one in use.
Here find_here();
// What signs the user in there. Throws Failure when there is none.
Token signed_in_to(const std::string& server);

}  // namespace agnes::cli
