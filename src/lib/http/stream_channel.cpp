#include "lib/http/stream_channel.h"

namespace agnes::http {

bool StreamChannel::write(std::string_view data) {
  bool wake = false;
  {
    std::unique_lock lock(mutex_);
    space_.wait(lock, [&] { return gone_ || pending_.size() < kLimit; });
    if (gone_) return false;
    pending_.append(data);
    wake = std::exchange(waiting_, false);
  }
  if (wake) wake_();
  return true;
}

bool StreamChannel::has_room() const {
  const std::lock_guard lock(mutex_);
  return gone_ || pending_.size() < kLimit;
}

bool StreamChannel::wait_for_room(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return space_.wait_for(lock, time, [&] { return gone_ || pending_.size() < kLimit; });
}

void StreamChannel::free_place() {
  permit_.release();
}

bool StreamChannel::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

bool StreamChannel::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !space_.wait_for(lock, time, [&] { return gone_; });
}

void StreamChannel::end(bool whole) {
  free_place();
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    end_ = whole ? State::ended : State::broken;
    wake = std::exchange(waiting_, false);
  }
  if (wake) wake_();
}

StreamChannel::State StreamChannel::take(std::string& out) {
  const std::lock_guard lock(mutex_);
  out.clear();
  if (!pending_.empty()) {
    out.swap(pending_);
    space_.notify_all();
    return State::data;
  }
  if (end_ != State::data) return end_;
  waiting_ = true;
  return State::waiting;
}

void StreamChannel::set_gone() {
  const std::lock_guard lock(mutex_);
  gone_ = true;
  space_.notify_all();
}

}  // namespace agnes::http
