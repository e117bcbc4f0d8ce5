#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/extracts/extract.h"
#include "lib/base/files.h"

namespace agnes::client {

// The `agnes` client that lies beside this server, packed for the server's own platform.
struct ClientPackage {
  std::string version, platform;  // "0.1.0", "linux-x86_64"
  std::string filename;           // "agnes-0.1.0-linux-x86_64.tar.gz"
  fs::path file;
  std::uint64_t size = 0;
  std::string sha256;
};

// Packs on first use, and again when one of the files has changed. Thread-safe.
class ClientPackages {
 public:
  // `programs`: where `agnes` and libduckdb.so lie; `scratch`: where the archive is kept.
  ClientPackages(fs::path programs, fs::path scratch)
      : programs_(std::move(programs)), scratch_(std::move(scratch)) {}

  // Nothing when there is no client beside the server. The first call takes some seconds.
  std::optional<ClientPackage> current();
  // Whether there is one, without packing it.
  bool available() const;

 private:
  struct Part {
    fs::path file;
    extracts::FileStamp stamp;
    bool operator==(const Part&) const = default;
  };
  std::vector<Part> parts() const;

  const fs::path programs_, scratch_;
  std::mutex mutex_;
  std::vector<Part> packed_;
  std::optional<ClientPackage> package_;
};

// "linux-x86_64", as `uname -sm` names it there.
std::string platform_name();

}  // namespace agnes::client
