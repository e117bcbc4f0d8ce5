#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/files.h"

namespace agnes::workers {

// What travels between the server and its worker processes, over a socket pair: a type, a length, bytes.
enum class FrameType : std::uint8_t {
  setup = 1,      // server -> worker, once: JSON of Confinement and what the role needs
  ready = 2,      // worker -> server: confined, waiting for requests
  request = 3,    // server -> worker: JSON
  interrupt = 4,  // server -> worker: end the running request
  progress = 5,   // worker -> server: JSON, any number
  chunk = 6,      // worker -> server: bytes of the answer, relayed as they are
  done = 7,       // worker -> server: the request has ended well; JSON
  error = 8,      // worker -> server: the request has failed; JSON {status, message, detail}
  taken = 9,      // worker -> server: the request is read and about to run (role "query")
};

struct Frame {
  FrameType type;
  std::string payload;
};

// One end of the pair. `send` may be called from several threads; `receive` from one at a time.
class Channel {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  // False when the other end is gone. Throws Error (internal) for a payload of more than 64 MB: nothing is sent.
  bool send(FrameType type, std::string_view payload);

  enum class Outcome { frame, closed, timeout };
  // Waits for the next frame until `deadline`. `closed` also for a frame that is not a frame.
  Outcome receive(Frame& frame, std::optional<Clock::time_point> deadline = std::nullopt);

  // Whether the other end is gone and nothing of it is left to read. Does not wait.
  bool closed() const;

  // Wakes a blocked `receive` on this end and makes everything after it `closed`.
  void shut();
  int fd() const { return socket_.get(); }

 private:
  Outcome read_exactly(char* to, std::size_t count, std::optional<Clock::time_point> deadline);

  UniqueFd socket_;
  std::mutex sending_;
};

}  // namespace agnes::workers
