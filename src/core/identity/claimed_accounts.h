#pragma once

#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "core/identity/directory.h"

namespace agnes::identity {

// The accounts without a password that somebody has signed in to, by Google or by a link. They are theirs:
// POST /auth/bootstrap gives such an account to nobody else.
//
// Schema version 40 has no column for it, and the audit log is not a place for it: who deletes old entries must not open
// the server to whoever comes first. So it is a file beside the database, claimed.json, made once of what older
// versions wrote into the audit log. Thread-safe.
class ClaimedAccounts {
 public:
  // Throws Error when the file is there and cannot be read: it must not open what was closed.
  explicit ClaimedAccounts(const Directory& directory);

  // Written before the sign-in is answered. Throws Error when it cannot be.
  void add(const User& user);
  bool contains(const std::string& user_id) const;

 private:
  void write() const;

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::set<std::string> ids_;
};

}  // namespace agnes::identity
