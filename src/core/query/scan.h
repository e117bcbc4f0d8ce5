#pragma once

#include <optional>
#include <string>
#include <vector>

#include "contract/scan.h"
#include "core/catalog/visible.h"
#include "core/query/quota.h"
#include "core/query/service.h"
#include "lib/http/routes.h"

namespace agnes::query {

struct ScanLimits {
  std::int64_t max_limit = 10'000'000;          // of a request's `limit`
  std::uint64_t max_result_bytes = 2ull << 30;  // of the Arrow stream; it is cut there
  int time_limit_seconds = 300;                 // of the statement
  int transfer_timeout_seconds = 3600;          // for its client to take the answer
  Quota::Limits quota = {};
};

// Scans of tables that are here. Thread-safe.
class Scans {
 public:
  Scans(const catalog::Visible& visible, Service& service, ScanLimits limits)
      : visible_(visible), service_(service), limits_(limits), quota_(limits.quota) {}

  // The rows as an Arrow IPC stream. Throws Error: bad_request (for what the request or its predicate lacks),
  // forbidden, not_found, too_many.
  http::Response fetch(const http::Caller& caller, const contract::ScanRequest& request);
  // The same checks, without the rows.
  void check(const http::Caller& caller, const contract::ScanRequest& request);

 private:
  // The statement that answers the request, over the tables of `set`.
  Statement statement(const http::Caller& caller, const catalog::VisibleSet& set,
                      const contract::ScanRequest& request) const;

  const catalog::Visible& visible_;
  Service& service_;
  const ScanLimits limits_;
  Quota quota_;
};

// POST /api/v2/scan and POST /api/v2/scan/estimate.
void add_scan_routes(http::Routes& routes, Scans& scans);

}  // namespace agnes::query
