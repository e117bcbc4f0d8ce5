#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace agnes::jose {

// A private RSA key. Cheap to copy; thread-safe.
class SigningKey {
 public:
  // Reads PEM text (PKCS #8 or PKCS #1, without a passphrase), RSA of 2048 bits or more. Throws Error
  // (bad_request), which tells nothing of the text.
  explicit SigningKey(std::string_view pem);

  // RSASSA-PKCS1-v1_5 with SHA-256 ("RS256" of RFC 7518).
  std::string sign(std::string_view text) const;

 private:
  std::shared_ptr<void> key_;
};

}  // namespace agnes::jose
