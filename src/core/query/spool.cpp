#include "core/query/spool.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace agnes::query {

namespace {
constexpr std::size_t kMemory = 1 << 20, kPiece = 256 << 10;
constexpr std::uintmax_t kLeastFree = 512u << 20;  // bytes of the disk that answers leave to others
}  // namespace

bool SpoolSpace::take(std::size_t bytes) {
  std::error_code error;
  const auto space = std::filesystem::space(folder_, error);
  if (error || space.available < kLeastFree + bytes) return false;
  if (taken_.fetch_add(bytes) + bytes <= most_) return true;
  taken_ -= bytes;
  return false;
}

bool Spool::append(std::string_view part) {
  if (std::max(size_, written_) + part.size() > most_) return false;
  if (!file_ && memory_.size() + part.size() <= kMemory) {
    memory_ += part;
    size_ += part.size();
    return true;
  }
  if (const auto end = written_ + part.size(); end > taken_) {
    if (!space_.take(end - taken_)) return false;
    taken_ = end;
  }
  if (!file_) {
    file_ = UniqueFd(::open(space_.folder().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file_) return false;
  }
  std::size_t done = 0;
  while (done < part.size()) {
    const auto put =
        ::pwrite(file_.get(), part.data() + done, part.size() - done, static_cast<off_t>(written_ + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;  // what was written of it is overwritten, or never read
    done += static_cast<std::size_t>(put);
  }
  written_ += part.size();
  size_ += part.size();
  return true;
}

bool Spool::next(std::string& piece) {
  piece.clear();
  if (!memory_.empty()) {
    piece.swap(memory_);
  } else if (read_ < written_) {
    piece.resize(std::min(kPiece, written_ - read_));
    ssize_t got;
    do got = ::pread(file_.get(), piece.data(), piece.size(), static_cast<off_t>(read_));
    while (got < 0 && errno == EINTR);
    if (got <= 0)
      throw Error(ErrorKind::internal,
                  fmt::format("what waits of an answer cannot be read: {}", std::strerror(errno)));
    piece.resize(static_cast<std::size_t>(got));
    read_ += piece.size();
    if (read_ == written_) read_ = written_ = 0;  // all of it was taken: its room is used again
  } else {
    return false;
  }
  size_ -= piece.size();
  return true;
}

}  // namespace agnes::query
