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
  // `remote` is asked each time what extracts may attach.
  CatalogueReader(const config::Places& places, std::chrono::seconds limit,
                  std::function<extracts::RemoteRules()> remote);

  struct Known {
    std::map<std::string, std::string> owners;      // which source has which name of a view
    std::map<std::string, std::string> registered;  // as extracts::ReadOptions has them
    std::vector<std::string> materialized;          // "source/name" of registered materialized tables
    std::vector<std::string> keep_pins;             // that generations still use
  };
  // Throws Error when the extracts cannot be read, or when `context` is cancelled.
  extracts::Catalogue read(Known known, const jobs::Context& context);
  // What `keep` kept, so that a server that starts has its tables at once: reading them again takes as long as the slowest
  // extract. Without tables whose files were taken away or replaced since. Nothing when there is none, or when it names a pin that
  // is gone or an engine that the settings refuse now.
  std::optional<extracts::Catalogue> kept() const;
  // When it cannot be written, the log says so.
  void keep(const extracts::Catalogue& catalogue) const;
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
  // For faults that no extract shows by itself.
  void add_one_by_one(extracts::ReadOptions& options, const jobs::Context& context);
  // Names of those that are not excluded, the smallest first.
  std::vector<std::string> sources_to_read(const extracts::ReadOptions& options) const;
  void read_some(const extracts::ReadOptions& options, std::vector<std::string> names,
                 const jobs::Context& context);

  const config::Places places_;
  const std::chrono::seconds limit_;
  const std::function<extracts::RemoteRules()> remote_;
  std::map<std::string, ExcludedExtract> excluded_;  // by name of the source
};

}  // namespace agnes::sync
