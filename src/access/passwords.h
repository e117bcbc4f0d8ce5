#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace agnes::access {

// Argon2id hashes in PHC form ("$argon2id$v=19$m=65536,t=3,p=4$salt$hash"), the contract's: 64 MB and some
// tenth of a second each. At most two are computed at once and eight wait, so that sign-ins can take neither
// all memory nor all threads; more are refused with Error (`unavailable`). Thread-safe.
class Passwords {
 public:
  Passwords();

  std::string hash(std::string_view password);

  // Whether `password` is the one that `encoded` was made of. Takes as long without an `encoded` (no such
  // account) or with one that cannot be read, and is false then.
  bool verify(const std::optional<std::string>& encoded, std::string_view password);

 private:
  class Turn;
  std::mutex mutex_;
  std::condition_variable free_;
  int running_ = 0, waiting_ = 0;
  std::string nobodys_;  // a hash that no password has
};

}  // namespace agnes::access
