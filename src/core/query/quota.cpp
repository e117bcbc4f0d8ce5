#include "core/query/quota.h"

#include "lib/base/error.h"

namespace agnes::query {

namespace {

constexpr std::int64_t kDay = 86'400;

std::int64_t seconds_of(Timestamp time) {
  return time.micros / 1'000'000;
}

Error exceeded(std::string_view kind, const std::string& message, std::int64_t current, std::int64_t limit,
               std::int64_t retry_after) {
  return {ErrorKind::too_many, message,
          boost::json::object{{"error", "quota_exceeded"},
                              {"kind", kind},
                              {"current", current},
                              {"limit", limit},
                              {"retry_after_seconds", retry_after},
                              {"message", message}}};
}

}  // namespace

// With `mutex_` held.
void Quota::begin_day() {
  const auto today = seconds_of(clock_()) / kDay;
  if (today == day_) return;
  day_ = today;
  std::erase_if(used_, [](const auto& entry) { return entry.second.places == 0; });
  for (auto& [caller, used] : used_) used.bytes = 0;
}

std::shared_ptr<Quota::Place> Quota::take(const std::string& caller) {
  std::lock_guard lock(mutex_);
  begin_day();
  auto& used = used_[caller];
  if (used.bytes >= limits_.daily_bytes)
    throw exceeded("daily_bytes",
                   fmt::format("You have fetched {} bytes today, of {}; go on tomorrow (UTC)", used.bytes,
                               limits_.daily_bytes),
                   used.bytes, limits_.daily_bytes, kDay - seconds_of(clock_()) % kDay);
  if (used.places >= limits_.at_once)
    throw exceeded(
        "concurrent_scans",
        fmt::format("{} scans of yours are under way, which is the limit; let one end first", used.places),
        used.places, limits_.at_once, 0);
  auto place = std::make_shared<Place>(*this, caller);
  ++used.places;
  return place;
}

Quota::Place::~Place() {
  std::lock_guard lock(quota_.mutex_);
  --quota_.used_[caller_].places;
}

void Quota::Place::count(std::size_t bytes) {
  std::lock_guard lock(quota_.mutex_);
  quota_.begin_day();
  quota_.used_[caller_].bytes += static_cast<std::int64_t>(bytes);
}

}  // namespace agnes::query
