#pragma once

#include <span>
#include <string>

#include "app/config/config.h"
#include "app/module.h"

namespace agnes::app {

struct HostOptions {
  config::Places places;
  std::string host;  // address to listen on
  int port = 0;      // 0: any free one
};

// Runs a server made of these modules until SIGTERM, SIGINT or SIGHUP; the process's exit status. Requests and jobs
// that run then get 10 s to end. Throws Error when it cannot start. config::use has been called.
int run(std::span<const ModuleKind> modules, const HostOptions& options);

// The tasks that these modules declare, for processes of the role "extract".
workers::TaskTable declared_tasks(std::span<const ModuleKind> modules);
// The settings that the frame and these modules declare. For config::use, before anything reads the configuration.
config::Schema declared_settings(std::span<const ModuleKind> modules);

}  // namespace agnes::app
