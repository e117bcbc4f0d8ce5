#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace agnes::jobs {

// When something runs by itself: "every 15m", "every 6h", "daily 03:00", "daily 07:00,13:00". Times are UTC.
class Schedule {
 public:
  // Nothing when `text` is none of these, or an interval of zero.
  static std::optional<Schedule> parse(std::string_view text);

  // The first moment after `last` at which it is due.
  Timestamp next_after(Timestamp last) const;

 private:
  std::int64_t interval_seconds_ = 0;       // 0: daily
  std::vector<std::int64_t> seconds_of_day_;  // sorted
};

}  // namespace agnes::jobs
