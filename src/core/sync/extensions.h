#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "core/extracts/extract_reader.h"
#include "core/extracts/settings.h"
#include "lib/jobs/service.h"

namespace agnes::sync {

// In the state folder; left out of backups, since it can be had again.
inline constexpr const char* kExtensionFolder = "duckdb_extensions";

// What extracts may attach: what an operator has set, else what the kinds of source are reached by. As the settings are
// now; null: without any.
extracts::RemoteRules remote_rules(const config::Config* config);

// DuckDB's extensions that remote attachments of extracts name: fetched once into the state folder, in the
// background, so that no query waits for that. Thread-safe.
class Extensions {
 public:
  Extensions(const config::Config& config, jobs::Service& jobs);
  Extensions(const config::Places& places, const extracts::ExtractSettings& settings, jobs::Service& jobs);

  // Starts the job that installs what these attachments name and is not there yet.
  void install(const std::vector<extracts::RemoteAttach>& attachments);
  // That job.
  jobs::Kind kind();
  // Of these attachments, those whose extension could not be installed, and why.
  std::vector<extracts::Problem> problems(const std::vector<extracts::RemoteAttach>& attachments) const;

  const std::filesystem::path& folder() const { return folder_; }
  bool allow_unsigned() const { return allow_unsigned_; }

 private:
  // Why it is not there; "" when it is.
  std::string install_one(const std::string& name, const jobs::Context& context);

  jobs::Service& jobs_;
  const std::filesystem::path folder_;
  const std::string repository_;
  const bool allow_unsigned_;
  mutable std::mutex mutex_;  // guards what follows
  std::set<std::string> wanted_, installed_;
  std::map<std::string, std::string> failed_;
};

}  // namespace agnes::sync
