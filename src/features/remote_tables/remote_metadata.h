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

#include "core/catalog/remote_tables.h"
#include "core/catalog/warmer.h"
#include "core/state/store.h"
#include "lib/base/json.h"
#include "lib/jobs/kind.h"

namespace agnes::remote_tables {

using catalog::FetchFacts;
using catalog::Registration;
using catalog::RemoteFacts;
using catalog::RemoteMetadata;

inline constexpr const char* kMetadataJob = "bq-metadata-refresh";

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

  // Never throws for what the engine says.
  RefreshedTable refresh(const Registration& row);
  // Every remote table, one after the other: {"total", "succeeded", "no_data", "failed"}.
  jobs::Done refresh_all(const jobs::Context& context);
  catalog::Warmer warmer();

 private:
  state::Store& store_;
  const FetchFacts fetch_;
  const std::int64_t interval_;
  std::atomic<std::uint64_t> writes_ = 0;
};

}  // namespace agnes::remote_tables
