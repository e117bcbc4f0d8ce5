#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace agnes::cli {

// The command's own options and those that every command has.
std::vector<Option> options_of(const Command& command, bool is_root);

// Finds the command that `args` (without the program's name) names, and runs it. Answers --help and --version
// itself; both with --json as JSON. Options may stand before or after arguments. `path` becomes the command's full name
// before it runs: "agnes admin sync". Throws Failure (usage) for a command line that makes no sense, and whatever the
// command throws.
void parse_and_run(const Command& root, const std::vector<std::string>& args, std::string& path);

}  // namespace agnes::cli
