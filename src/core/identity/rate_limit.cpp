#include "core/identity/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace agnes::identity {

namespace {
constexpr double kRounding = 1e-6;
constexpr std::size_t kMostKeys = 20'000;
double seconds_between(Timestamp from, Timestamp to) {
  return static_cast<double>(to.micros - from.micros) / 1e6;
}
}  // namespace

std::optional<std::int64_t> RateLimiter::take(const std::string& key, Rate rate, Timestamp moment) {
  return look(key, rate, moment, true);
}
std::optional<std::int64_t> RateLimiter::peek(const std::string& key, Rate rate, Timestamp moment) {
  return look(key, rate, moment, false);
}
void RateLimiter::clear(const std::string& key) {
  std::lock_guard lock(mutex_);
  buckets_.erase(key);
}

std::optional<std::int64_t> RateLimiter::look(const std::string& key, Rate rate, Timestamp moment,
                                              bool take) {
  const double per_second = rate.count / rate.seconds;
  std::lock_guard lock(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (!take) return std::nullopt;
    if (buckets_.size() >= kMostKeys) drop_full(moment);
    found = buckets_.emplace(key, Bucket{rate.count, moment, 0}).first;
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

// Keys that would be as new; when that frees nothing, all: better a few tries too many than no memory.
void RateLimiter::drop_full(Timestamp moment) {
  std::erase_if(buckets_, [&](const auto& entry) {
    return seconds_between(entry.second.at, moment) >= entry.second.full_after;
  });
  if (buckets_.size() >= kMostKeys) buckets_.clear();
}

}  // namespace agnes::identity
