#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.h"

namespace agnes::jobs {

// When something runs by itself: "every 15m", "every 6h", "daily 03:00", "daily 07:00,13:00". Times are UTC.
class Schedule {
 public:
  // Nothing when `text` is none of these, or an interval of zero.
  static std::optional<Schedule> parse(std::string_view text);

  // The first moment after `last` at which it is due.
  Timestamp next_after(Timestamp last) const;
  // Whether what was last done then (nothing: never) is to be done now. A `last` in the future comes from a
  // clock that was wrong since, and is as good as never.
  bool due(std::optional<Timestamp> last, Timestamp now) const;

 private:
  std::int64_t interval_seconds_ = 0;         // 0: daily
  std::vector<std::int64_t> seconds_of_day_;  // sorted
};

// The longest interval of a schedule in minutes: 69 days.
constexpr std::int64_t kMostIntervalSeconds = 6'000'000;
// "every 15m" for 900 seconds, rounded up to minutes. `seconds`: from 1 to kMostIntervalSeconds.
std::string interval(std::int64_t seconds);

}  // namespace agnes::jobs
