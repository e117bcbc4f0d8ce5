#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "lib/base/time.h"

namespace agnes::query {

// What one caller may fetch: so many scans at once, so many bytes a day (of UTC). Kept in memory: a restart
// begins anew. Thread-safe.
class Quota {
 public:
  struct Limits {
    std::int64_t at_once = 5;
    std::int64_t daily_bytes = 50ll << 30;
  };
  explicit Quota(Limits limits, std::function<Timestamp()> clock = now)
      : limits_(limits), clock_(std::move(clock)) {}

  // One scan's place; it ends with the object, which must not outlive the quota.
  class Place {
   public:
    Place(Quota& quota, std::string caller) : quota_(quota), caller_(std::move(caller)) {}
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // Bytes on their way to the caller: what is sent counts, also beyond the limit.
    void count(std::size_t bytes);

   private:
    Quota& quota_;
    const std::string caller_;
  };
  // Throws Error (too_many) with the contract's detail {"error": "quota_exceeded", "kind":
  // "concurrent_scans" or "daily_bytes", "current", "limit", "retry_after_seconds"}.
  std::shared_ptr<Place> take(const std::string& caller);

 private:
  struct Usage {
    std::int64_t places = 0, bytes = 0;
  };
  void begin_day();

  const Limits limits_;
  const std::function<Timestamp()> clock_;
  std::mutex mutex_;  // guards the rest
  std::int64_t day_ = 0;
  std::unordered_map<std::string, Usage> used_;
};

}  // namespace agnes::query
