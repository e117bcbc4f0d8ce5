#pragma once

#include <optional>
#include <semaphore>
#include <string>
#include <string_view>

namespace agnes::identity {

// Argon2id hashes in PHC form ("$argon2id$v=19$m=65536,t=3,p=4$salt$hash"), the contract's: 64 MB and some
// tenth of a second each. At most two are computed at once, at a low priority, so that sign-ins take neither
// all memory nor the processor from others; whoever comes then waits. Routes that call this are `slow` ones.
// Throws Error (`unavailable`) when there is no memory. Thread-safe.
class Passwords {
 public:
  Passwords();

  std::string hash(std::string_view password);

  // Whether `password` is the one that `encoded` was made of. Takes as long without an `encoded` (no such
  // account) or with one that cannot be read, and is false then.
  bool verify(const std::optional<std::string>& encoded, std::string_view password);

 private:
  std::counting_semaphore<> turns_;
  std::string nobodys_;  // a hash that no password has
};

}  // namespace agnes::identity
