#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/files.h"

// Ed25519 (RFC 8032), over OpenSSL. Public keys and signatures are base64 of their 32 and 64 bytes. Thread-safe.
namespace agnes {

class SigningKey {
 public:
  // The key of that file, which is made (for its owner's eyes only) when missing. Throws Error when it cannot be read, written, or
  // makes no sense.
  static SigningKey load_or_make(const fs::path& file);

  const std::string& public_key() const { return public_key_; }
  std::string sign(std::string_view text) const;

 private:
  explicit SigningKey(std::string_view seed);

  std::shared_ptr<void> key_;
  std::string public_key_;
};

// False also for what is no key and no signature.
bool is_signed_by(std::string_view public_key, std::string_view text, std::string_view signature);

}  // namespace agnes
