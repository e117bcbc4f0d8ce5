#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/files.h"

namespace agnes::query {

// What all that waits for readers may take of a folder's disk together. Thread-safe.
class SpoolSpace {
 public:
  explicit SpoolSpace(std::filesystem::path folder, std::size_t most = 8ull << 30)
      : folder_(std::move(folder)), most_(most) {}

  const std::filesystem::path& folder() const { return folder_; }
  // False, and nothing is taken, when there is no room: `most` is reached, or the disk would have less than 512 MB free.
  bool take(std::size_t bytes);
  void give_back(std::size_t bytes) { taken_ -= bytes; }

 private:
  const std::filesystem::path folder_;
  const std::size_t most_;
  std::atomic<std::size_t> taken_ = 0;
};

// What an answer's reader has not taken yet: the beginning in memory, the rest in a file without a name, which is gone
// with the object. First in, first out. For one thread.
class Spool {
 public:
  // The space's folder must be there when something is written to the file, which never has more than `most` bytes.
  Spool(SpoolSpace& space, std::size_t most) : space_(space), most_(most) {}
  ~Spool() { space_.give_back(taken_); }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  bool empty() const { return size_ == 0; }
  // False, and nothing is taken, when there is no room: `most` is reached, or the space has none, or its disk cannot be
  // written.
  bool append(std::string_view part);
  // The next piece; false when there is none. Throws Error when the file cannot be read.
  bool next(std::string& piece);

 private:
  SpoolSpace& space_;
  const std::size_t most_;
  std::string memory_;
  UniqueFd file_;
  std::size_t size_ = 0, written_ = 0, read_ = 0;  // of all; of the file
  std::size_t taken_ = 0;                          // of the space: as long as the file has been
};

}  // namespace agnes::query
