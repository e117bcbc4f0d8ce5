#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "lib/workers/channel.h"

namespace agnes::workers {

// A process of our own binary in a role ("agnes-server --role query"), joined by a channel. It starts with an
// empty environment, no descriptors but its channel and standard error, in a process group of its own. It
// ends itself when the server's end of the channel closes, however that happens. Killed and reaped when the
// object goes.
class Process {
 public:
  // Throws Error when no process can be started.
  static std::unique_ptr<Process> start(const std::string& role);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  Channel& channel() { return channel_; }
  pid_t pid() const { return pid_; }
  // From any thread. The next `receive` on the channel says `closed`.
  void kill();
  // Yields the processor to everybody else from now on; there is no way back, so such a process ends with its
  // request.
  void lower_priority();
  bool lowered() const { return lowered_; }
  // Waits for its end; says how it ended, for the log: "exit 0", "signal 11".
  std::string reap();

 private:
  Process(pid_t pid, UniqueFd socket) : pid_(pid), channel_(std::move(socket)) {}

  pid_t pid_;
  bool reaped_ = false;
  bool lowered_ = false;
  std::string ending_;
  Channel channel_;
};

// The worker's side: adopts the descriptor that the server left (3).
Channel adopt_channel();

}  // namespace agnes::workers
