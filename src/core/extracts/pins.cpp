#include "core/extracts/pins.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/files.h"

namespace agnes::extracts {

namespace {
constexpr std::string_view kParquet = ".parquet", kDatabase = ".duckdb", kLog = ".wal", kCopy = "copy-";

std::string pin_name(const FileStamp& stamp, std::string_view extension) {
  return fmt::format("{:x}-{:x}-{:x}{}", stamp.inode, stamp.mtime_ns, stamp.size, extension);
}

FileStamp stamp_of_open(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw system_error("cannot look at a file of an extract", errno);
  return stamp_of(info);
}

UniqueFd open_in(const fs::path& folder, const fs::path& file) {
  if (UniqueFd fd = open_beneath(folder, file.lexically_relative(folder))) return fd;
  // Links that stay in the folder are fine; once followed, there must be none left on the way.
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  if (error) throw Error(ErrorKind::not_found, "it is gone");
  if (!real.string().starts_with(folder.string() + "/"))
    throw Error(ErrorKind::forbidden, "it is a link that leads out of the extract's folder");
  UniqueFd fd = open_beneath(folder, real.lexically_relative(folder));
  if (!fd) throw Error(ErrorKind::not_found, "it is no file, or may not be read");
  return fd;
}

void copy(int from, const fs::path& to) {
  UniqueFd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) throw system_error("cannot write " + to.string(), errno);
  if (::ioctl(target.get(), FICLONE, from) == 0) return;
  std::string piece(1 << 20, '\0');
  for (off_t at = 0;;) {
    const auto got = ::pread(from, piece.data(), piece.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("cannot read a file of an extract", errno);
    if (got == 0) return;
    write_or_throw(target.get(), std::string_view(piece.data(), static_cast<std::size_t>(got)), to);
    at += got;
  }
}

// A second name for what is open. False where the kernel gives none.
bool link_open(int fd, const fs::path& name) {
  const auto path = fmt::format("/proc/self/fd/{}", fd);
  return ::linkat(AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

void link_or_copy(int fd, const fs::path& name) {
  const fs::path temporary = temporary_name(name);
  try {
    if (!link_open(fd, temporary)) copy(fd, temporary);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  ::rename(temporary.c_str(), name.c_str());
  // A rename between two names of one file does nothing at all.
  ::unlink(temporary.c_str());
}
}  // namespace

Pins::Pins(std::string folder) : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw system_error("cannot create " + folder_, error.value());
  remove_leftovers(folder_);
}

Pins::Held Pins::hold(const fs::path& folder, const fs::path& file, std::string_view extension) const {
  const UniqueFd fd = open_in(folder, file);
  const auto stamp = stamp_of_open(fd.get());
  if (folder_.empty()) return {file, stamp};
  const auto name = pin_name(stamp, extension);
  const fs::path pinned = fs::path(folder_) / name, copied = fs::path(folder_) / (std::string(kCopy) + name);
  if (stamp_of(pinned) == stamp) return {pinned, stamp};
  if (fs::exists(copied)) return {copied, stamp};
  const fs::path temporary = temporary_name(pinned);
  if (link_open(fd.get(), temporary)) {
    // It may have been written to since.
    const auto held = stamp_of_open(fd.get());
    const fs::path now = fs::path(folder_) / pin_name(held, extension);
    ::rename(temporary.c_str(), now.c_str());
    // A rename between two names of one file does nothing at all.
    ::unlink(temporary.c_str());
    return {now, held};
  }
  link_or_copy(fd.get(), copied);
  return {copied, stamp};
}

PinnedFile Pins::pin(const fs::path& folder, const fs::path& file,
                     const std::function<std::optional<FileFacts>(const FileStamp&)>& known,
                     const std::function<FileFacts(const std::string&, const FileStamp&)>& read) const {
  const auto held = hold(folder, file, kParquet);
  auto facts = known(held.stamp);
  return {held.path, facts ? std::move(*facts) : read(held.path, held.stamp)};
}

Pins::Held Pins::pin_database(const fs::path& folder, const fs::path& file) const {
  auto held = hold(folder, file, kDatabase);
  if (folder_.empty()) return held;
  const fs::path log = held.path + std::string(kLog);
  const fs::path theirs = file.string() + std::string(kLog);
  if (fs::exists(fs::symlink_status(theirs)))
    link_or_copy(open_in(folder, theirs).get(), log);
  else
    ::unlink(log.c_str());
  return held;
}

bool is_intact_pin(const std::string& path, const FileStamp& now) {
  const std::string name = fs::path(path).filename();
  return name.starts_with(kCopy) || name == pin_name(now, fs::path(path).extension().string());
}

void Pins::remove_others(const std::set<std::string>& names) const {
  if (folder_.empty()) return;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    std::string name = entry.path().filename();
    if (name.starts_with('.')) continue;
    if (name.ends_with(kLog)) name.resize(name.size() - kLog.size());
    if (!names.contains(name)) fs::remove(entry.path(), ignored);
  }
}

}  // namespace agnes::extracts
