#include "lib/base/files.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/ids.h"

namespace agnes {

namespace {
constexpr std::string_view kTemporaryPrefix = ".agnes-tmp-";

UniqueFd open_or_throw(const fs::path& path, int flags, unsigned mode = 0) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) throw system_error("cannot open " + path.string(), errno);
  return fd;
}
void sync_or_throw(int fd, const fs::path& path) {
  if (::fsync(fd) != 0) throw system_error("cannot write " + path.string(), errno);
}
void rename_or_throw(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw system_error("cannot replace " + to.string(), errno);
}
fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}
}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}
void UniqueFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

UniqueFd open_beneath(const fs::path& folder, const fs::path& way) {
  UniqueFd at(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (auto part = way.begin(); at && part != way.end(); ++part) {
    const bool last = std::next(part) == way.end();
    if (part->empty() || *part == "." || *part == ".." || part->is_absolute()) {
      errno = EINVAL;
      return UniqueFd();
    }
    // A FIFO would be waited for.
    const int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
    at = UniqueFd(::openat(at.get(), part->c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
  }
  struct stat info {};
  if (at && (::fstat(at.get(), &info) != 0 || !S_ISREG(info.st_mode))) {
    errno = EINVAL;
    return UniqueFd();
  }
  return at;
}

std::optional<std::string> read_file(const fs::path& file) {
  UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw system_error("cannot open " + file.string(), errno);
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("cannot read " + file.string(), errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

void write_or_throw(int fd, std::string_view data, const fs::path& name_for_errors) {
  while (!data.empty()) {
    const auto put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw system_error("cannot write " + name_for_errors.string(), errno);
    data.remove_prefix(static_cast<std::size_t>(put));
  }
}

void write_all(int fd, std::string_view data) noexcept {
  while (!data.empty()) {
    const auto put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
}

void replace_file(const fs::path& file, std::string_view content, unsigned mode) {
  const fs::path temporary = temporary_name(file);
  try {
    UniqueFd fd = open_or_throw(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    write_or_throw(fd.get(), content, file);
    sync_or_throw(fd.get(), file);
    rename_or_throw(temporary, file);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(folder_of(file));
}

PendingFile::PendingFile(fs::path target) : target_(std::move(target)), temporary_(temporary_name(target_)) {}
PendingFile::~PendingFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}
void PendingFile::commit() {
  sync_file(temporary_);
  rename_or_throw(temporary_, target_);
  temporary_.clear();
  sync_folder(folder_of(target_));
}

void sync_file(const fs::path& file) {
  UniqueFd fd = open_or_throw(file, O_RDONLY);
  sync_or_throw(fd.get(), file);
}
void sync_folder(const fs::path& folder) {
  UniqueFd fd = open_or_throw(folder, O_RDONLY | O_DIRECTORY);
  sync_or_throw(fd.get(), folder);
}
void rename_synced(const fs::path& from, const fs::path& to) {
  rename_or_throw(from, to);
  sync_folder(folder_of(to));
  if (folder_of(from) != folder_of(to)) sync_folder(folder_of(from));
}

fs::path temporary_name(const fs::path& beside) {
  // The owner's process id is in the name, so that leftovers of dead processes can be told from work under
  // way.
  return folder_of(beside) /
         (std::string(kTemporaryPrefix) + std::to_string(::getpid()) + "-" + random_hex(6));
}

bool is_temporary(const fs::path& file) {
  return file.filename().string().starts_with(kTemporaryPrefix);
}

void remove_leftovers(const fs::path& folder, Leftovers which) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!is_temporary(entry.path())) continue;
    const std::string name = entry.path().filename();
    const long owner = std::strtol(name.c_str() + kTemporaryPrefix.size(), nullptr, 10);
    if (which == Leftovers::of_dead_processes && owner > 0 && owner != ::getpid() &&
        ::access(("/proc/" + std::to_string(owner)).c_str(), F_OK) == 0)
      continue;
    fs::remove_all(entry.path(), ignored);
  }
}

TemporaryFolder::TemporaryFolder(const fs::path& parent) : path_(temporary_name(parent / "x")) {
  if (::mkdir(path_.c_str(), 0700) != 0) throw system_error("cannot create " + path_.string(), errno);
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::optional<FileLock> FileLock::try_lock(const fs::path& file) {
  UniqueFd fd = open_or_throw(file, O_RDWR | O_CREAT, 0644);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    throw system_error("cannot lock " + file.string(), errno);
  }
  return FileLock(std::move(fd));
}

}  // namespace agnes
