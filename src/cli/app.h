#pragma once

#include <string>
#include <vector>

namespace agnes::cli {

// Runs the command line (without the program's name) and answers the exit code. Every error ends as one line
// on standard error.
int run(const std::vector<std::string>& args);

}  // namespace agnes::cli
