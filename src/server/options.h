#pragma once

#include <optional>
#include <string>

#include "app/config/config.h"

namespace agnes::server {

// What the command line and its environment variables say.
struct Options {
  std::string host, data, state, config, role, new_admin;
  int port = 8000;
  std::string command, backup_folder;  // of a subcommand
  bool json = false, replace = false;
};

// Reads the command line. The exit status when that is all: for --help, --version and mistakes.
std::optional<int> parse(int argc, char** argv, Options& options);
config::Places places_of(const Options& options);

}  // namespace agnes::server
