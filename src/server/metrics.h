#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "catalog/generation.h"
#include "config/config.h"
#include "http/server.h"
#include "jobs/scheduler.h"
#include "query/pool.h"

// What this server tells Prometheus (text exposition format 0.0.4).
namespace agnes::server {

// Counts of answered requests: by route and status, with a histogram of times by route. Thread-safe; adding
// one takes a lock that is held for as long as it takes to add one, or to copy some hundred numbers.
class RequestCounts {
 public:
  // Upper bounds, in seconds.
  static constexpr std::array kBounds{0.001, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                      0.5,   1.0,   2.5,  5.0,   10.0, 30.0, 60.0};

  struct Route {
    std::map<int, std::uint64_t> by_status;
    std::array<std::uint64_t, kBounds.size() + 1> by_time{};  // the last: longer than all bounds
    double seconds = 0;
  };
  using Key =
      std::pair<std::string_view, std::string_view>;  // method, route: both live as long as the routes

  void add(const http::Served& served);
  std::map<Key, Route> take() const;

 private:
  mutable std::mutex mutex_;
  std::map<Key, Route> routes_;
};

struct MetricSources {
  const RequestCounts& requests;
  const catalog::Generations& generations;
  const jobs::Runner& runner;
  const jobs::Scheduler& scheduler;
  const query::Pool& pool;
  const config::Places& places;
  std::function<http::Server::Counts()> connections;
  Timestamp started = now();
};

// All metrics as they are now. No names of tables or people, so that there are few series and nothing to
// hide.
std::string metrics_text(const MetricSources& sources);

// GET /metrics: for administrators, and for whoever has AGNES_METRICS_TOKEN as bearer token.
void add_metrics_route(http::Routes& routes, MetricSources sources);

}  // namespace agnes::server
