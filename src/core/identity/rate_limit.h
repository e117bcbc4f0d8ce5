#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "lib/base/time.h"

namespace agnes::identity {

// How often something may happen for one key: `count` times at once, and that many again over each `seconds`.
struct Rate {
  double count;
  double seconds;
};

// Counts events by key ("token 10.0.0.1") in bounded memory. The first word is the purpose: keys of one purpose never make
// those of another be forgotten. Thread-safe.
class RateLimiter {
 public:
  // Takes one event of `key` at `moment`; when there is none left, the seconds (1 or more) until there is.
  std::optional<std::int64_t> take(const std::string& key, Rate rate, Timestamp moment);
  // The same without taking it.
  std::optional<std::int64_t> peek(const std::string& key, Rate rate, Timestamp moment);
  // Whether it took events that still count against it.
  bool has(const std::string& key, Timestamp moment);
  void clear(const std::string& key);

 private:
  struct Bucket {
    double left;
    Timestamp at;
    double full_after;  // seconds after `at`
  };
  using Buckets = std::unordered_map<std::string, Bucket>;
  std::optional<std::int64_t> count_attempt(const std::string& key, Rate rate, Timestamp moment, bool take);
  static void make_room(Buckets& buckets, Timestamp moment);

  std::mutex mutex_;
  std::map<std::string, Buckets, std::less<>> purposes_;
};

}  // namespace agnes::identity
