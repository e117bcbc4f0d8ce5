#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// Digests and encodings, over OpenSSL. Thread-safe.
namespace agnes {

std::string sha256(std::string_view data);  // 32 raw bytes
std::string sha256_hex(std::string_view data);
std::string md5_hex(std::string_view data);  // the contract's file hash; not for security
std::string hmac_sha256(std::string_view key, std::string_view data);  // 32 raw bytes

// MD5 of a stream, bit by bit.
class Md5 {
 public:
  Md5();
  ~Md5();
  void update(std::string_view data);
  std::string hex();  // ends it

 private:
  void* context_;
};
// MD5 of a file's bytes; throws Error when it cannot be read.
std::string md5_file(const std::filesystem::path& file);

std::string to_hex(std::string_view bytes);
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);
std::string base64url(std::string_view bytes);  // without padding
std::optional<std::string> from_base64url(std::string_view text);
// Takes the same time wherever they differ.
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace agnes
