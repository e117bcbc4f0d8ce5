#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/time.h"

namespace agnes::identity {

// The sessions that were signed out of before they ended by themselves, in a file beside the database: schema version 40
// has no table for them. A file that cannot be read is an error at the start, since what was ended must not come back.
// Thread-safe.
class EndedSessions {
 public:
  explicit EndedSessions(std::filesystem::path file);

  // `until`: when the session would have ended anyway. On disk when this returns. When that fails it throws, and the session
  // has ended for as long as the server runs, or for good with the next one.
  void add(const std::string& id, Timestamp until);
  bool contains(std::string_view id) const;

 private:
  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::map<std::string, Timestamp, std::less<>> until_;
};

}  // namespace agnes::identity
