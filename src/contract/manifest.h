#pragma once

#include <map>
#include <optional>
#include <string>

#include "lib/base/json.h"

// What a client compares with what it has: /api/sync/manifest.
namespace agnes::contract {

struct ManifestTable {
  std::string hash;  // MD5 of its file; empty: not known
  Timestamp updated;
  std::int64_t size_bytes = 0, rows = 0;
  std::string query_mode, source_type;
};
BOOST_DESCRIBE_STRUCT(ManifestTable, (), (hash, updated, size_bytes, rows, query_mode, source_type))

struct Asset {
  std::string hash;
};
BOOST_DESCRIBE_STRUCT(Asset, (), (hash))

struct Manifest {
  std::map<std::string, ManifestTable> tables;  // by name
  std::map<std::string, Asset> assets;          // docs, profiles: what lies beside the tables
  std::string server_time;
};
BOOST_DESCRIBE_STRUCT(Manifest, (), (tables, assets, server_time))

}  // namespace agnes::contract
