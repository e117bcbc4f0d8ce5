#pragma once

#include <cstdint>
#include <string>

#include <boost/describe/class.hpp>
#include <fmt/format.h>

namespace agnes::contract {

// GET /cli/package: the client that a server offers for its own platform. Not of the Python implementation.
struct ClientPackage {
  std::string version, platform;  // "1.0.0", "linux-x86_64"
  std::string filename;           // "agnes-1.0.0-linux-x86_64.tar.gz"
  std::string download_url_path;  // "/cli/package/<filename>"
  std::uint64_t size = 0;         // bytes
  std::string sha256;             // of the file, hexadecimal
  std::string public_key;         // the server's own, Ed25519, base64
  std::string signature;          // of `signed_text`, base64
};
BOOST_DESCRIBE_STRUCT(ClientPackage, (),
                      (version, platform, filename, download_url_path, size, sha256, public_key, signature))

inline std::string signed_text(const ClientPackage& package) {
  return fmt::format("agnes client package\n{}\n{}\n{}\n{}\n{}\n", package.version, package.platform,
                     package.filename, package.size, package.sha256);
}

}  // namespace agnes::contract
