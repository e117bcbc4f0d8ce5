#include "core/identity/rate_limit.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

namespace agnes::identity {

namespace {
constexpr double kRounding = 1e-6;
constexpr std::size_t kMostKeys = 20'000;
constexpr std::size_t kEvicted = kMostKeys / 16;

std::string_view purpose_of(std::string_view key) {
  const auto space = key.find(' ');
  return space == std::string_view::npos ? std::string_view() : key.substr(0, space);
}
double seconds_between(Timestamp from, Timestamp to) {
  return static_cast<double>(to.micros - from.micros) / 1e6;
}
}  // namespace

std::optional<std::int64_t> RateLimiter::take(const std::string& key, Rate rate, Timestamp moment) {
  return count_attempt(key, rate, moment, true);
}
std::optional<std::int64_t> RateLimiter::peek(const std::string& key, Rate rate, Timestamp moment) {
  return count_attempt(key, rate, moment, false);
}
bool RateLimiter::has(const std::string& key, Timestamp moment) {
  std::lock_guard lock(mutex_);
  const auto purpose = purposes_.find(purpose_of(key));
  if (purpose == purposes_.end()) return false;
  const auto found = purpose->second.find(key);
  return found != purpose->second.end() &&
         seconds_between(found->second.at, moment) < found->second.full_after;
}
void RateLimiter::clear(const std::string& key) {
  std::lock_guard lock(mutex_);
  if (const auto purpose = purposes_.find(purpose_of(key)); purpose != purposes_.end())
    purpose->second.erase(key);
}

std::optional<std::int64_t> RateLimiter::count_attempt(const std::string& key, Rate rate, Timestamp moment,
                                                       bool take) {
  const double per_second = rate.count / rate.seconds;
  std::lock_guard lock(mutex_);
  auto& buckets = purposes_[std::string(purpose_of(key))];
  auto found = buckets.find(key);
  if (found == buckets.end()) {
    if (!take) return std::nullopt;
    if (buckets.size() >= kMostKeys) make_room(buckets, moment);
    found = buckets.emplace(key, Bucket{rate.count, moment, 0}).first;
  }
  auto& bucket = found->second;
  const double passed = std::max(0.0, seconds_between(bucket.at, moment));
  const double left = std::min(rate.count, bucket.left + passed * per_second);
  if (left < 1 - kRounding)
    return std::max<std::int64_t>(1,
                                  static_cast<std::int64_t>(std::ceil((1 - left) / per_second - kRounding)));
  if (take) bucket = {std::max(0.0, left - 1), moment, (rate.count - left + 1) / per_second};
  return std::nullopt;
}

// Forgets keys that would be as new. When that frees nothing, those that would be so first: who has used up most is
// remembered longest.
void RateLimiter::make_room(Buckets& buckets, Timestamp moment) {
  std::erase_if(buckets, [&](const auto& entry) {
    return seconds_between(entry.second.at, moment) >= entry.second.full_after;
  });
  if (buckets.size() < kMostKeys) return;
  const auto is_new_at = [](const Bucket& bucket) {
    return static_cast<double>(bucket.at.micros) / 1e6 + bucket.full_after;
  };
  std::vector<double> times;
  times.reserve(buckets.size());
  for (const auto& [key, bucket] : buckets) times.push_back(is_new_at(bucket));
  const auto last = times.begin() + kEvicted;
  std::nth_element(times.begin(), last, times.end());
  std::size_t left = kEvicted;
  std::erase_if(
      buckets, [&](const auto& entry) { return left > 0 && is_new_at(entry.second) <= *last && left-- > 0; });
}

}  // namespace agnes::identity
