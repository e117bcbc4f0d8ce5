#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>

#include "lib/http/pool.h"
#include "lib/http/response.h"

// Inside http/: between the thread that makes a stream and the network thread that sends it.
namespace agnes::http {

class StreamChannel : public Writer {
 public:
  // `wake` is called from the writing thread when the network thread waits for something to send.
  // `permit`: for the place on the executor of whoever writes.
  StreamChannel(std::function<void()> wake, Pool::Permit permit)
      : wake_(std::move(wake)), permit_(std::move(permit)) {}

  // The writing side.
  bool write(std::string_view data) override;
  bool has_room() const override;
  bool wait_for_room(std::chrono::milliseconds time) override;
  void free_place() override;
  bool place_is_wanted() const override { return permit_.is_wanted(); }
  bool gone() const override;
  bool wait(std::chrono::milliseconds time) override;
  void end(bool whole);  // no more comes; not `whole` after an exception

  // The network side. `take` gives what there is; `waiting` when that is nothing yet, and wake is going to be
  // called.
  enum class State { data, waiting, ended, broken };
  State take(std::string& out);
  void set_gone();

 private:
  static constexpr std::size_t kLimit = 256 << 10;  // bytes held before a writer has to wait

  mutable std::mutex mutex_;
  std::condition_variable space_;
  std::function<void()> wake_;
  Pool::Permit permit_;  // touched by the writing side only
  std::string pending_;
  bool gone_ = false, waiting_ = false;
  State end_ = State::data;
};

}  // namespace agnes::http
