#pragma once

#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "catalog/generation.h"
#include "config/config.h"

namespace agnes::connectors::bigquery {

// What a statement over BigQuery's tables, which DuckDB's extension reads, would read there. Thread-safe.
class ScanCost {
 public:
  explicit ScanCost(const config::Config& config);

  // Throws Error (bad_request, detail.reason "remote_scan_too_large") when `sql` over these tables, all of
  // them of the extension bigquery, would read more than data_source.bigquery.bq_max_scan_bytes; what Api
  // throws when BigQuery does not tell. `sql` is asked for with each table's name standing for the table at
  // BigQuery. Where that is no SQL of BigQuery's, or a table is a query that BigQuery runs in full, all that
  // the tables hold counts.
  void check(const std::vector<const catalog::Table*>& tables, const std::string& sql);

 private:
  std::int64_t whole(const std::string& sql);

  struct Known {
    std::int64_t bytes;
    std::chrono::steady_clock::time_point at;
  };
  const config::Config config_;
  const std::int64_t limit_;
  std::mutex mutex_;  // guards the next
  std::unordered_map<std::string, Known> known_;
};

// What the view of a table at BigQuery reads there.
struct ViewSources {
  std::vector<std::string>
      queries;         // SQL of BigQuery's for each thing that it reads; empty: that cannot be told
  bool plain = false;  // it is all of one table, of which the extension reads only what a statement needs
};
ViewSources view_sources(const catalog::Table& table);

}  // namespace agnes::connectors::bigquery
