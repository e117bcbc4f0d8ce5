#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/array.hpp>

#include "core/catalog/registry.h"

// What the catalogue shows of tables that stay in their engine. The engines are connectors' business, and what is
// remembered of them a feature's; this is what both are to the catalogue.
namespace agnes::catalog {

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

// The first rows of a remote table, as objects by column. Throws Error with the reason why there are none.
using FetchRows = std::function<boost::json::array(const Registration&, int rows)>;

// Asks the engines themselves; connectors provide it.
struct Engines {
  FetchFacts facts;
  FetchRows rows;
};

// Thread-safe.
class RemoteTables {
 public:
  virtual ~RemoteTables() = default;

  // What is stored of every remote table, sorted by table_id; asks no engine.
  virtual std::vector<RemoteMetadata> stored() const = 0;
  // "fresh", "stale", "error" or "never_fetched".
  virtual std::string freshness(const RemoteMetadata& row, Timestamp at) const = 0;
  // Another number when what `stored` and `freshness` tell may be another.
  virtual std::uint64_t version() const = 0;

  // These two ask the engine, or answer from a cache of ten minutes. They throw Error: not_found when the engine does
  // not know the table, and what it says else as {"error": kind, "message", "details"}.
  virtual RemoteFacts facts(const Registration& row) = 0;
  virtual boost::json::array rows(const Registration& row, int rows) = 0;  // 1 to 100, as objects by column
};

}  // namespace agnes::catalog
