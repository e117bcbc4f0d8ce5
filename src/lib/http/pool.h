#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

// Inside http/: threads for blocking work. They are started when needed and end when they have had nothing to
// do for a while.
namespace agnes::http {

class Pool {
 public:
  Pool(std::size_t max_threads, std::size_t max_queued);
  ~Pool();  // waits for all work
  // False when all threads are busy and the queue is full. `work` must not throw.
  bool submit(std::function<void()> work);
  // Waits until all that was submitted has run; takes nothing more.
  void finish();
  std::size_t queued() const;
  std::size_t running() const;

 private:
  void run();

  const std::size_t max_threads_, max_queued_;
  mutable std::mutex mutex_;
  std::condition_variable work_, ended_;
  std::deque<std::function<void()>> queue_;
  std::size_t threads_ = 0, idle_ = 0;
  bool finishing_ = false;
};

}  // namespace agnes::http
