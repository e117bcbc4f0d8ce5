#pragma once

#include <memory>

#include <boost/json/value.hpp>

#include "catalog/metrics.h"
#include "catalog/visible.h"
#include "http/routes.h"
#include "query/pool.h"

namespace agnes::query {

struct ServiceLimits {
  std::int64_t max_rows = 100'000;
  std::uint64_t max_result_bytes = 64u << 20;
};

// SQL of callers over the tables that they may read. Thread-safe.
class Service {
 public:
  Service(const catalog::Visible& visible, Pool& pool, ServiceLimits limits)
      : visible_(visible), pool_(pool), limits_(limits) {}

  // Starts a statement for `caller`; its answer is the contract's JSON. Throws Error (bad_request) for a
  // limit that is none.
  std::unique_ptr<Execution> start(const http::Caller& caller, const std::string& sql,
                                   std::int64_t row_limit);
  // The whole answer at once, for small ones.
  boost::json::value run(const http::Caller& caller, const std::string& sql, std::int64_t row_limit);
  // Reads a statement without running it, in a worker process all the same: parsing can be an attack too.
  catalog::SqlCheck check(const http::Caller& caller, const std::string& sql);

 private:
  std::unique_ptr<Execution> start(const http::Caller& caller, Statement statement);
  static boost::json::value whole(Execution& execution);

  const catalog::Visible& visible_;
  Pool& pool_;
  ServiceLimits limits_;
};

// POST /api/query.
void add_routes(http::Routes& routes, Service& service);

}  // namespace agnes::query
