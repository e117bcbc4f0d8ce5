#pragma once

#include <string>
#include <vector>

#include "app/config/config.h"

namespace agnes::server {

// Something that `check` found. `level`: error (data is lost, wrong or cannot be served), warning (should be
// looked at), note (good to know; does not count).
struct Finding {
  std::string level;
  std::string part;     // state, extracts, configuration, secrets, files, backup
  std::string about;    // the table, source or file; may be empty
  std::string message;  // what is wrong and what to do
};
BOOST_DESCRIBE_STRUCT(Finding, (), (level, part, about, message))

// Looks at everything in a data directory, whether a server runs on it or not, and changes nothing. A running
// one is asked for a snapshot, which is looked at in its place. Untrusted files are read in a confined
// process.
std::vector<Finding> check(const config::Places& places);

// The command: prints a line a finding, or {"ok", "findings"} as JSON; the exit code is 1 when there is an
// error or a warning.
int check_data(const config::Places& places, bool as_json);

}  // namespace agnes::server
