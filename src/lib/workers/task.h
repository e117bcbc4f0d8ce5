#pragma once

#include <functional>
#include <map>
#include <string>

#include <boost/json/value.hpp>

#include "lib/base/stop.h"
#include "lib/workers/confine.h"

namespace agnes::workers {

// Work on untrusted files, done in a process of its own (role "extract"): JSON in, JSON out (as text,
// which for ten thousand tables takes a fraction of the time), progress between.
struct TaskContext {
  std::function<void(const boost::json::value&)> progress;
  StopToken stop = {};
};
using TaskFunction = std::function<std::string(const boost::json::value& input, const TaskContext&)>;
using TaskTable = std::map<std::string, TaskFunction>;

// The server's side. Starts a process, lets it confine itself, runs the named task, and ends the process.
// Blocks. `stop` is asked some ten times a second; when it says so the process is killed and Error
// (timeout) thrown. What the task throws is thrown here with its kind; a crash is Error (internal) saying so.
boost::json::value run_task(const std::string& task, const Confinement& confinement,
                            const boost::json::value& input, const TaskContext& context = {});

// The worker's side: serves one task of `tasks` on the adopted channel; the exit status for main().
int serve_task(const TaskTable& tasks);

// An error as it travels in an `error` frame, and back.
std::string encode_error(const std::exception& error);
[[noreturn]] void throw_decoded(const std::string& payload);

}  // namespace agnes::workers
