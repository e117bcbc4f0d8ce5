#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/files.h"

namespace agnes::query {

// What an answer's reader has not taken yet: the beginning in memory, the rest in a file without a name, which is gone
// with the object. First in, first out. For one thread.
class Spool {
 public:
  // `folder` must be there when something is written to the file, which never has more than `most` bytes.
  Spool(std::filesystem::path folder, std::size_t most) : folder_(std::move(folder)), most_(most) {}

  bool empty() const { return size_ == 0; }
  // False, and nothing is taken, when there is no room: `most` is reached, or the disk is nearly full or cannot be written.
  bool append(std::string_view part);
  // The next piece; false when there is none. Throws Error when the file cannot be read.
  bool next(std::string& piece);

 private:
  const std::filesystem::path folder_;
  const std::size_t most_;
  std::string memory_;
  UniqueFd file_;
  std::size_t size_ = 0, written_ = 0, read_ = 0;  // of all; of the file
};

}  // namespace agnes::query
