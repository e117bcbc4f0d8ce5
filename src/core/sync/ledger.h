#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/sync/run_ledger.h"
#include "lib/base/time.h"

namespace agnes::sync {

// When a table was last synced, changed or not: what schedules are held against. To the minute, as schedules are: else
// a sync that begins some milliseconds sooner than the one before would find the table not due yet.
struct LedgerEntry {
  std::optional<Timestamp> succeeded;
  std::optional<Timestamp> failed;  // tried in vain since, while this server runs
};

// What earlier runs leave to later ones. Successes are kept in a file; without it tables are due sooner than they would
// have been. Names in any case. Thread-safe.
class Ledger {
 public:
  explicit Ledger(std::filesystem::path file);

  using Entries = std::map<std::string, LedgerEntry>;  // by name in lower case
  Entries entries() const;
  // Tables whose last sync since the start failed, or brought nothing.
  std::vector<Failure> failures() const;

  // What else is wrong with the sources, as of the last run that asked each.
  std::vector<extracts::Problem> problems() const;

  // Which tables a run tried; those that are not in the registry any more are forgotten. What was redefined since the
  // run began stays due.
  void record_attempts(const RunLedger& run, const RegistrySnapshot& registry);
  // What has failed and what is wrong as of this run; tables that it did not try stay as they were.
  void record_failures(const RunLedger& run, const RegistrySnapshot& registry);
  // The table is brought from something else from now on: as good as never synced.
  void redefined(const std::string& table);
  void unregistered(const std::string& table);

 private:
  void write();

  const std::filesystem::path file_;
  mutable std::mutex mutex_;  // guards what follows
  Entries entries_;
  std::map<std::string, Timestamp> redefined_;  // when, since the last run
  std::vector<Failure> failures_;
  std::map<std::string, std::vector<extracts::Problem>> problems_;  // by the type of the source
};

}  // namespace agnes::sync
