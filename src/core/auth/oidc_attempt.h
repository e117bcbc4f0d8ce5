#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agnes::auth::oidc {

// A sign-in that has begun here and is at the provider now.
struct Attempt {
  std::string state;         // random; the provider sends it back
  std::int64_t expires = 0;  // seconds since 1970
  std::string next;          // a path of this site to go on to; may be empty
};

// Binds each attempt to the browser that began it, by a signed cookie, and lets it end once. Nonce and PKCE
// verifier follow from the state and our secret, so neither is kept or given away. Thread-safe.
class Attempts {
 public:
  static constexpr std::int64_t kLifetime = 600;  // seconds

  // Other attempts than ours, under the same secret, have another `purpose`.
  Attempts(std::string_view secret, std::string_view purpose);

  Attempt begin(std::string next, std::int64_t now_seconds) const;
  // For the cookie, and back: nothing unless we made it and it is not expired.
  std::string seal(const Attempt& attempt) const;
  std::optional<Attempt> open(std::string_view sealed, std::int64_t now_seconds) const;

  std::string nonce(const Attempt& attempt) const;
  std::string verifier(const Attempt& attempt) const;   // 43 characters
  std::string challenge(const Attempt& attempt) const;  // the verifier's, by S256

  // False when it was used before.
  bool use(const Attempt& attempt, std::int64_t now_seconds);

 private:
  std::string derived(std::string_view what, std::string_view text) const;

  std::string key_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> used_;  // until when
};

}  // namespace agnes::auth::oidc
