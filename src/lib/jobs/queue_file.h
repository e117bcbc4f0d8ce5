#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include "lib/base/time.h"

namespace agnes::jobs {

// A run of a durable kind as it is kept on disk.
struct QueuedRun {
  std::string id, job;
  boost::json::value input;
  int attempts = 0;  // begun, so that one which ends the process is not tried for ever
  Timestamp queued;
  std::optional<Timestamp> next_attempt;
};
BOOST_DESCRIBE_STRUCT(QueuedRun, (), (id, job, input, attempts, queued, next_attempt))

// {"format": 1, "runs": [...]}. One that cannot be read is renamed to <file>.unreadable, which the log says, and is as
// good as none.
std::vector<QueuedRun> read_queue(const std::filesystem::path& file);
// In one step, readable by the server's user only. Throws Error.
void write_queue(const std::filesystem::path& file, const std::vector<QueuedRun>& runs);

}  // namespace agnes::jobs
