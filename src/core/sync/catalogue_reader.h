#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "app/config/config.h"
#include "core/extracts/extract_reader.h"
#include "lib/jobs/context.h"

namespace agnes::sync {

// Reads all extracts in a confined worker process. One that breaks its reader, or keeps it too long by itself, is
// excluded until its extract.duckdb changes, and does not take the others down. Used by one thread at a time.
class CatalogueReader {
 public:
  CatalogueReader(const config::Places& places, std::chrono::seconds limit, extracts::RemoteRules remote);

  struct Known {
    std::map<std::string, std::string> owners;  // which source has which name of a view
    std::map<std::string, std::string>
        registered;                         // source types of registered tables, by name in lower case
    std::vector<std::string> materialized;  // "source/name" of registered materialized tables
    std::vector<std::string> keep_pins;     // that generations still use
  };
  // Throws Error when the extracts cannot be read, or when `context` is cancelled.
  extracts::Catalogue read(Known known, const jobs::Context& context);
  // Excluded extracts are read again.
  void include_all() { excluded_.clear(); }

 private:
  struct ExcludedExtract {
    std::optional<extracts::FileStamp> stamp;  // of its extract.duckdb
    std::string reason;
  };
  extracts::Catalogue run(const extracts::ReadOptions& options, const jobs::Context& context,
                          std::chrono::seconds limit);
  void find_faulty(extracts::ReadOptions& options, const jobs::Context& context);

  const config::Places places_;
  const std::chrono::seconds limit_;
  const extracts::RemoteRules remote_;
  std::map<std::string, ExcludedExtract> excluded_;  // by name of the source
};

}  // namespace agnes::sync
