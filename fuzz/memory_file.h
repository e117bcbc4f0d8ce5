#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/target.h"

namespace agnes::fuzz {

// A file in memory, for what reads files by their paths.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("fuzz", 0)) { expect(file_ >= 0, "a file in memory can be made"); }
  MemoryFile(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(file_); }

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }
  void put(std::string_view bytes) const {
    expect(::ftruncate(file_, 0) == 0 &&
               ::pwrite(file_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
           "a file in memory can be written");
  }

 private:
  int file_;
};

}  // namespace agnes::fuzz
