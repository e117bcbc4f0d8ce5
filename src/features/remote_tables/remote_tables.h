#pragma once

#include "features/remote_tables/remote_metadata.h"
#include "features/remote_tables/remote_table_cache.h"

namespace agnes::remote_tables {

// Stored metadata and fresh answers of the engines, for the catalogue. Thread-safe.
class RemoteTables final : public catalog::RemoteTables {
 public:
  RemoteTables(RemoteMetadataCache& metadata, RemoteTableCache& engines)
      : metadata_(metadata), engines_(engines) {}

  std::vector<RemoteMetadata> stored() const override { return metadata_.all(); }
  std::string freshness(const RemoteMetadata& row, Timestamp at) const override {
    return metadata_.freshness(row, at);
  }
  std::uint64_t version() const override { return metadata_.version(); }
  catalog::RemoteFacts facts(const Registration& row) override { return engines_.facts(row); }
  boost::json::array rows(const Registration& row, int rows) override { return engines_.rows(row, rows); }

 private:
  RemoteMetadataCache& metadata_;
  RemoteTableCache& engines_;
};

}  // namespace agnes::remote_tables
