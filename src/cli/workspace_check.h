#pragma once

#include <optional>
#include <string>
#include <vector>

#include "contract/health.h"

// What `agnes diagnose` says of this machine, without the server.
namespace agnes::cli {

struct WorkspaceReport {
  contract::PartStatus status = contract::PartStatus::ok;  // info: there is none here, or a hint
  std::optional<std::string> folder, server;               // the server that it was made for
  std::int64_t tables = 0;                                 // whose files are here
  std::optional<Timestamp> last_pull;
  std::vector<std::string> problems,
      hints;  // a line each, which ends with what to do; a hint is of nothing wrong
  static constexpr json::Rule rules[] = {{.field = "folder", .omit_null = true},
                                         {.field = "server", .omit_null = true},
                                         {.field = "last_pull", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(WorkspaceReport, (), (status, folder, server, tables, last_pull, problems, hints))

// Of the workspace that commands here would work in. Changes nothing.
WorkspaceReport check_workspace();

}  // namespace agnes::cli
