#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include "base/json.h"
#include "catalog/registry.h"
#include "jobs/runner.h"
#include "state/store.h"

namespace agnes::catalog {

inline constexpr const char* kMetadataJob = "bq-metadata-refresh";

struct RemoteColumn {
  std::string name, type;  // in the engine's words
  bool nullable = true;
  std::string description = {};
};

// What a remote engine says of a table.
struct RemoteFacts {
  std::optional<std::int64_t> rows, size_bytes;
  std::optional<std::string> partition_by;
  std::vector<std::string> clustered_by;
  std::optional<std::string> entity_type;  // BASE TABLE, VIEW, ...
  std::vector<RemoteColumn> columns;
};
// Asks the engine of a remote table; nothing when it knows nothing of it. Throws Error with the reason.
using FetchFacts = std::function<std::optional<RemoteFacts>(const Registration&)>;

// A row of bq_metadata_cache. What was known stays when a later attempt fails.
struct RemoteMetadata {
  std::string table_id;
  std::optional<std::int64_t> rows, size_bytes;
  std::optional<std::string> partition_by;
  boost::json::value clustered_by;  // a list of texts, or null
  std::optional<std::string> entity_type;
  boost::json::value known_columns;  // likewise
  std::optional<Timestamp> refreshed_at, error_at;
  std::optional<std::string> error_msg;
};
BOOST_DESCRIBE_STRUCT(RemoteMetadata, (),
                      (table_id, rows, size_bytes, partition_by, clustered_by, entity_type, known_columns,
                       refreshed_at, error_at, error_msg))

// What became of one attempt: "ok", "no_data" or "error".
struct RefreshedTable {
  std::string table_id, status;
  std::optional<std::string> error, entity_type;
  std::optional<std::int64_t> rows, size_bytes;
  static constexpr json::Rule rules[] = {{.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(RefreshedTable, (), (table_id, status, error, entity_type, rows, size_bytes))

// What remote engines say of their tables, kept in the state database, so that the catalogue answers without
// asking them. Thread-safe.
class RemoteMetadataCache {
 public:
  // `fetch` may be empty: no engine is connected, and every attempt is noted as failed with that reason.
  // `interval_seconds`: how often the job refreshes.
  RemoteMetadataCache(state::Store& store, FetchFacts fetch, std::int64_t interval_seconds)
      : store_(store), fetch_(std::move(fetch)), interval_(interval_seconds) {}

  std::vector<RemoteMetadata> all() const;  // sorted by table_id

  // "fresh" for two intervals after a success, then "stale"; "error" when there was none but a failure;
  // "never_fetched".
  std::string freshness(const RemoteMetadata& row, Timestamp at) const;
  // Another number when what `all` and `freshness` tell may be another: after a write, and each minute.
  std::uint64_t version() const;
  std::int64_t interval_seconds() const { return interval_; }
  std::int64_t fresh_seconds() const { return 2 * interval_; }

  static bool is_remote(const Registration& row) {
    return row.query_mode == "remote" && row.source_type == "bigquery";
  }
  // Never throws for what the engine says.
  RefreshedTable refresh(const Registration& row);
  // Every remote table, one after the other: {"total", "succeeded", "no_data", "failed"}.
  boost::json::object refresh_all(const jobs::Context& context);

 private:
  state::Store& store_;
  const FetchFacts fetch_;
  const std::int64_t interval_;
  std::atomic<std::uint64_t> writes_ = 0;
};

}  // namespace agnes::catalog
