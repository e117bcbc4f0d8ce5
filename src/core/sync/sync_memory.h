#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/time.h"

namespace agnes::sync {

// When each table was last synced, changed or not: what schedules are held against. Kept in a file; without
// it tables are due sooner than they would have been. Names in any case. Thread-safe.
class SyncMemory {
 public:
  explicit SyncMemory(std::filesystem::path file);

  struct Times {
    std::optional<Timestamp> synced;  // the last time that it went well
    std::optional<Timestamp> tried;   // tried in vain since, while this server runs
  };
  Times of(const std::string& table) const;
  // Both take the moment to the minute, as schedules are: else a sync that begins some milliseconds sooner
  // after its turn than the one before would find the table not due yet.
  void note(const std::vector<std::string>& good, const std::vector<std::string>& failed, Timestamp started);
  // From now on it is as good as never synced.
  void forget(const std::string& table);
  // Forgets those of which this is not so; names are in lower case.
  void keep(const std::function<bool(const std::string&)>& wanted);

 private:
  void write();

  const std::filesystem::path file_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Timestamp> synced_, tried_;
};

}  // namespace agnes::sync
