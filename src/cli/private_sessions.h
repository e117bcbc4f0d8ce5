#pragma once

#include <set>
#include <string>

#include "cli/workspace.h"

// Sessions of the agent that are not uploaded: their ids, a line each, in .claude/agnes-sessions-private.txt, as the contract's
// client keeps them.
namespace agnes::cli {

std::set<std::string> private_sessions(const fs::path& root);  // empty when there is no list
// False when it was private already. Throws Failure (usage) for what is no id.
bool make_private(const fs::path& root, const std::string& session);

}  // namespace agnes::cli
