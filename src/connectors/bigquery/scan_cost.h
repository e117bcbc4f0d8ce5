#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/config/config.h"
#include "connectors/bigquery/settings.h"
#include "core/catalog/generation.h"
#include "core/query/remote.h"
#include "lib/google/credentials.h"

namespace agnes::connectors::bigquery {

// What a statement over BigQuery's tables, which DuckDB's extension reads, would read there. Thread-safe.
class ScanCost {
 public:
  using Credentials = std::function<google::CredentialsPtr()>;
  ScanCost(const config::Config& config, Credentials credentials)
      : config_(config),
        limit_(config.get<BigQuerySettings>().bq_max_scan_bytes),
        credentials_(std::move(credentials)) {}

  // Throws Error: bad_request (detail.reason "remote_scan_too_large") when `sql` over these tables, all of
  // them of the extension bigquery, would read more than data_source.bigquery.bq_max_scan_bytes, or when that
  // cannot be told; bad_gateway when BigQuery does not tell it (the log says why). `sql` is asked for,
  // written anew, with each table's name standing for the table at BigQuery. Where that is not SQL of
  // BigQuery's, or a table is a query that BigQuery runs in full, all that the tables hold counts. A table
  // that is read several times counts as often.
  void check(const std::vector<query::RemoteUse>& uses, const std::string& sql);

 private:
  std::int64_t ask(const catalog::Table& table, const std::string& sql);
  std::int64_t whole(const catalog::Table& table, const std::string& sql);
  double estimated_bytes(const std::vector<query::RemoteUse>& uses, const std::string& sql);

  struct CachedEstimate {
    std::int64_t bytes;
    std::chrono::steady_clock::time_point at;
  };
  const config::Config config_;
  const std::int64_t limit_;
  const Credentials credentials_;
  std::mutex mutex_;  // guards the next
  std::unordered_map<std::string, CachedEstimate> known_;
};

// A statement of DuckDB's in BigQuery's dialect, as far as both have the same words: quoted names get
// backticks, comments go. Nothing where a character would be read otherwise there; nothing of a caller's text
// is passed on as it is.
std::optional<std::string> in_bigquery_words(std::string_view sql);

// What the view of a table at BigQuery reads there.
struct ViewSources {
  std::vector<std::string>
      queries;         // SQL of BigQuery's for each thing that it reads; empty: that cannot be told
  bool plain = false;  // it is all of one table, of which the extension reads only what a statement needs
};
ViewSources view_sources(const catalog::Table& table);

}  // namespace agnes::connectors::bigquery
