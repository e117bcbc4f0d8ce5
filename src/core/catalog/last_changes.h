#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <boost/describe.hpp>

#include "lib/base/time.h"

namespace agnes::catalog {

// Who changed a registration, and what came of it.
struct LastChange {
  std::string by;  // an address
  Timestamp at;
  std::string version;  // of the registration
};
BOOST_DESCRIBE_STRUCT(LastChange, (), (by, at, version))

// Who last changed each registered table, to name them to an administrator whose If-Match no longer holds. Schema
// version 40 has no column for it, and the audit log may lose old entries, so it is kept in a file. It is only a
// courtesy: what is not known is not said. Thread-safe.
class LastChanges {
 public:
  explicit LastChanges(std::filesystem::path file);

  // After the change was committed. Logs it when the file cannot be written.
  void note(const std::string& table_id, LastChange change);
  void forget(const std::string& table_id);
  // Nothing unless the registration is still the one that came of it.
  std::optional<LastChange> of(const std::string& table_id, const std::string& version) const;

 private:
  void write() const;

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::map<std::string, LastChange> changes_;
};

}  // namespace agnes::catalog
