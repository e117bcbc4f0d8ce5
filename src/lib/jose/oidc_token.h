#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

// ID tokens of an OpenID provider (OpenID Connect Core 1.0), signed with RS256 and no other algorithm.
namespace agnes::jose {

// A public RSA key that a provider has published. Cheap to copy; thread-safe.
class Key {
 public:
  // Nothing unless it is RSA of 2048 to 8192 bits with an odd exponent of 3 or more.
  static std::optional<Key> from_numbers(std::string id, std::string_view modulus, std::string_view exponent);

  const std::string& id() const { return id_; }
  // RSASSA-PKCS1-v1_5 with SHA-256.
  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  std::string id_;
  std::shared_ptr<void> key_;
};
using Keys = std::vector<Key>;

// The keys of a JSON Web Key Set that can verify RS256; others in it are left out. Throws Error (bad_gateway)
// when it is not a key set.
Keys parse_keys(std::string_view text);

struct IdToken {
  std::string issuer, subject, email, name;
  std::string hosted_domain;  // "hd": the organisation that owns the account; empty: nobody's but its user's
  bool email_verified = false;
};

// What an ID token must say to be meant for us, now.
struct ExpectedClaims {
  std::vector<std::string> issuers;
  std::string client_id;
  std::string nonce;
  std::int64_t now = 0;  // seconds since 1970
};

// Why a token is refused: a few words for the log, nothing of the token.
class Refused : public Error {
 public:
  explicit Refused(const std::string& why) : Error(ErrorKind::unauthenticated, why) {}
};

// The id of the key that signed it, from a header that asks for RS256 by one of the provider's keys. Throws
// Refused.
std::string key_id_of(std::string_view token);

// The token's content, when a key of `keys` signed it and it is as expected; clocks may differ by a minute.
// Throws Refused.
IdToken verify(std::string_view token, const Keys& keys, const ExpectedClaims& expected);

}  // namespace agnes::jose
