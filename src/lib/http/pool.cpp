#include "lib/http/pool.h"

#include <chrono>
#include <thread>

namespace agnes::http {

namespace {
constexpr std::chrono::seconds kIdle{10};
}

Pool::Pool(std::size_t max_threads, std::size_t max_queued)
    : max_threads_(max_threads), max_queued_(max_queued) {}
Pool::~Pool() {
  finish();
}

bool Pool::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (finishing_) return false;
    if (idle_ <= queue_.size() && threads_ < max_threads_) {
      try {
        std::thread(&Pool::run, this).detach();
        ++threads_;
      } catch (const std::system_error&) {
        if (threads_ == 0) return false;
      }
    } else if (queue_.size() >= max_queued_ + idle_) {
      return false;
    }
    queue_.push_back(std::move(work));
  }
  work_.notify_one();
  return true;
}

void Pool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (queue_.empty()) {
      if (finishing_) break;
      ++idle_;
      const bool woken = work_.wait_for(lock, kIdle, [&] { return finishing_ || !queue_.empty(); });
      --idle_;
      if (!woken) break;
      continue;
    }
    auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
  --threads_;
  // With the lock held: the pool may be gone right after.
  ended_.notify_all();
}

void Pool::finish() {
  std::unique_lock lock(mutex_);
  finishing_ = true;
  work_.notify_all();
  ended_.wait(lock, [&] { return threads_ == 0; });
}

std::size_t Pool::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}
std::size_t Pool::running() const {
  const std::lock_guard lock(mutex_);
  return threads_ - idle_;
}

}  // namespace agnes::http
