#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <utility>

namespace agnes {

// Asks whether work should end early: because somebody said so, or because its time is up. A cheap value; what
// it refers to lives as long as any copy. Thread-safe. Where a function that says so is wanted, it is one.
class StopToken {
 public:
  using Clock = std::chrono::steady_clock;

  StopToken() = default;  // never stops
  explicit StopToken(std::stop_token token) : token_(std::move(token)) {}

  // Somebody asked, or the deadline has passed.
  bool stop_requested() const { return token_.stop_requested() || expired(); }
  bool operator()() const { return stop_requested(); }
  bool expired() const { return deadline_ && Clock::now() > *deadline_; }
  // The same, with a deadline; the earlier one holds when there is one already.
  StopToken until(Clock::time_point deadline) const {
    StopToken out = *this;
    if (!out.deadline_ || deadline < *out.deadline_) out.deadline_ = deadline;
    return out;
  }

 private:
  std::stop_token token_;
  std::optional<Clock::time_point> deadline_;
};

}  // namespace agnes
