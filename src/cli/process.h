#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace agnes::cli {

struct Ended {
  int exit = 0;  // the exit code; 128 + the signal that ended it
  std::string output;
};
// Runs a program of PATH, without an input, until it ends. With `captured` its standard output and error are `output`; otherwise they
// are this program's. Killed after `limit`, when there is one. Throws Failure when it cannot be started.
Ended run_program(const std::vector<std::string>& words, bool captured,
                  std::optional<std::chrono::seconds> limit = std::nullopt);

}  // namespace agnes::cli
