#include "lib/jobs/schedule.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::jobs {

namespace {
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kMostInterval = 100'000;  // of its unit

std::optional<std::int64_t> seconds_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = parse_int(text.substr(0, 2)), minute = parse_int(text.substr(3));
  if (!hour || !minute || *hour < 0 || *hour > 23 || *minute < 0 || *minute > 59) return std::nullopt;
  return *hour * 3600 + *minute * 60;
}
}  // namespace

std::optional<Schedule> Schedule::parse(std::string_view text) {
  Schedule schedule;
  if (text.starts_with("every ") && text.size() > 7) {
    const char unit = text.back();
    const auto count = parse_int(text.substr(6, text.size() - 7));
    if (!count || *count < 1 || *count > kMostInterval || (unit != 'm' && unit != 'h')) return std::nullopt;
    schedule.interval_seconds_ = *count * (unit == 'h' ? 3600 : 60);
    return schedule;
  }
  if (!text.starts_with("daily ")) return std::nullopt;
  for (const auto& part : split(text.substr(6), ',')) {
    const auto at = seconds_of_day(trim(part));
    if (!at) return std::nullopt;
    schedule.seconds_of_day_.push_back(*at);
  }
  std::sort(schedule.seconds_of_day_.begin(), schedule.seconds_of_day_.end());
  return schedule;
}

Timestamp Schedule::next_after(Timestamp last) const {
  if (interval_seconds_ > 0) return plus_seconds(last, interval_seconds_);
  const std::int64_t day = seconds(last) / kDay * kDay;
  for (const auto at : seconds_of_day_)
    if (day + at > seconds(last)) return {(day + at) * 1'000'000};
  return {(day + kDay + seconds_of_day_.front()) * 1'000'000};
}

bool Schedule::due(std::optional<Timestamp> last, Timestamp now) const {
  return !last || *last > now || next_after(*last) <= now;
}

std::string interval(std::int64_t seconds) {
  return fmt::format("every {}m", (seconds + 59) / 60);
}

}  // namespace agnes::jobs
