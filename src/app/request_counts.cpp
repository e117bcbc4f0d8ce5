#include "app/request_counts.h"

#include <algorithm>

namespace agnes::app {

void RequestCounts::add(const http::AnswerRecord& served) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), served.seconds);
  const std::lock_guard lock(mutex_);
  auto& route = routes_[{served.method, served.route}];
  ++route.by_status[served.status];
  ++route.by_time[static_cast<std::size_t>(bound - kBounds.begin())];
  route.seconds += served.seconds;
}

void RequestCounts::write(Exposition& out) const {
  std::map<Key, Route> routes;
  {
    const std::lock_guard lock(mutex_);
    routes = routes_;
  }
  out.family("agnes_http_requests_total", "counter",
             "Answered requests by route and status; no route: none was found");
  for (const auto& [key, route] : routes)
    for (const auto& [status, count] : route.by_status)
      out.sample(count, {{"method", std::string(key.first)},
                         {"route", std::string(key.second)},
                         {"status", std::to_string(status)}});
  out.family("agnes_http_request_duration_seconds", "histogram",
             "From a request's first byte to its answer's first byte");
  for (const auto& [key, route] : routes) {
    Exposition::Labels labels{
        {"method", std::string(key.first)}, {"route", std::string(key.second)}, {"le", ""}};
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < route.by_time.size(); ++i) {
      below += route.by_time[i];
      labels.back().second = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
      out.sample(below, labels, "_bucket");
    }
    labels.pop_back();
    out.sample(route.seconds, labels, "_sum");
    out.sample(below, labels, "_count");
  }
}

}  // namespace agnes::app
