#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "app/exposition.h"
#include "lib/http/server.h"

namespace agnes::app {

// Counts of answered requests: by route and status, with a histogram of times by route. Thread-safe; adding
// one takes a lock that is held for as long as it takes to add one, or to copy some hundred numbers.
class RequestCounts {
 public:
  // Upper bounds, in seconds.
  static constexpr std::array kBounds{0.001, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                      0.5,   1.0,   2.5,  5.0,   10.0, 30.0, 60.0};

  void add(const http::AnswerRecord& served);
  void write(Exposition& out) const;

 private:
  struct Route {
    std::map<int, std::uint64_t> by_status;
    std::array<std::uint64_t, kBounds.size() + 1> by_time{};  // the last: longer than all bounds
    double seconds = 0;
  };
  // Method and route; both live as long as the routes.
  using Key = std::pair<std::string_view, std::string_view>;

  mutable std::mutex mutex_;
  std::map<Key, Route> routes_;
};

}  // namespace agnes::app
