#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace agnes::cli {

// Finds the command that `args` (without the program's name) names, and runs it. Answers --help and --version
// itself. Options may stand before or after arguments. Throws Failure with kUsage for a command line that
// makes no sense, and whatever the command throws.
void parse_and_run(const Command& root, const std::vector<std::string>& args);

}  // namespace agnes::cli
