#include "server/copy_files.h"

#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes::server {

namespace {

constexpr std::size_t kBuffer = 1 << 20;

void keep_attributes(int from, int to) {
  struct stat seen {};
  if (::fstat(from, &seen) != 0) return;
  if (::fchown(to, seen.st_uid, seen.st_gid) != 0) errno = 0;  // only root may
  ::fchmod(to, seen.st_mode & 0777);
  const timespec times[2] = {seen.st_atim, seen.st_mtim};
  ::futimens(to, times);
}

void check_room(const std::vector<DataFile>& files, const fs::path& folder) {
  std::uint64_t needed = 0;
  for (const auto& file : files) needed += file.stamp.size;
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (needed > free)
    throw Error(
        ErrorKind::insufficient_storage,
        fmt::format("the copy needs {}, and {} has {} left: make room, or name a folder on another disk",
                    human_bytes(needed), folder.parent_path().string(), human_bytes(free)));
}

}  // namespace

BackedUpFile copy_file(const fs::path& from, const fs::path& folder, const std::string& name) {
  const fs::path to = folder / name;
  UniqueFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) throw system_error("cannot open " + from.string(), errno);
  UniqueFd copy(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!copy) throw system_error("cannot create " + to.string(), errno);
  BackedUpFile out{name, 0, ""};
  Md5 md5;
  std::string buffer(kBuffer, '\0');
  while (true) {
    const auto got = ::read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("cannot read " + from.string(), errno);
    if (got == 0) break;
    const std::string_view part(buffer.data(), static_cast<std::size_t>(got));
    md5.update(part);
    write_or_throw(copy.get(), part, to);
    out.size += part.size();
  }
  out.md5 = md5.hex();
  keep_attributes(source.get(), copy.get());
  return out;
}

std::vector<BackedUpFile> copy_all(const std::vector<DataFile>& files, const fs::path& folder) {
  check_room(files, folder);
  std::vector<BackedUpFile> out;
  for (const auto& file : files) {
    const fs::path to = folder / file.name;
    if (file.kind == DataFile::Kind::folder)
      fs::create_directories(to);
    else if (file.kind == DataFile::Kind::link)
      fs::copy_symlink(file.path, to);
    else
      out.push_back(copy_file(file.path, folder, file.name));
  }
  // Last: a folder may say that nobody writes into it.
  for (const auto& file : files)
    if (file.kind == DataFile::Kind::folder) keep_folder_attributes(file.path, folder / file.name);
  return out;
}

void keep_folder_attributes(const fs::path& from, const fs::path& to) {
  const UniqueFd source(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd copy(::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (source && copy) keep_attributes(source.get(), copy.get());
}

UnfinishedFolder::UnfinishedFolder(fs::path path, const std::string& what) : path_(std::move(path)) {
  std::error_code ignored;
  fs::create_directories(path_.parent_path(), ignored);
  if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot create " + path_.string(), errno);
  lock_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!lock_) throw system_error("cannot open " + path_.string(), errno);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error(ErrorKind::conflict, fmt::format("another {} is under way", what));
  for (const auto& old : fs::directory_iterator(path_)) fs::remove_all(old.path());
}

UnfinishedFolder::~UnfinishedFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void UnfinishedFolder::sync() {
  if (::syncfs(lock_.get()) != 0) throw system_error("cannot write " + path_.string(), errno);
}

void UnfinishedFolder::rename(const fs::path& target) {
  sync();
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
      throw Error(ErrorKind::conflict, target.string() + " has been made by somebody else meanwhile");
    throw system_error(fmt::format("cannot rename {} to {}", path_.string(), target.string()), errno);
  }
  path_.clear();
  sync_folder(target.parent_path());
}

void UnfinishedFolder::exchange(const fs::path& target, const fs::path& kept) {
  // Under the name that stays before the exchange, never after it: what the name of an unfinished folder
  // leads to is removed by the next one.
  sync();
  rename_synced(path_, kept);
  path_ = kept;
  if (::renameat2(AT_FDCWD, kept.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0)
    throw Error(
        ErrorKind::unavailable,
        fmt::format("{} cannot be exchanged in one step here ({}): move it away yourself, then try again",
                    target.string(), std::strerror(errno)));
  path_.clear();
  sync_folder(target.parent_path());
}

fs::path absolute_folder(const fs::path& named) {
  const auto out = fs::absolute(named).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

bool lies_in(const fs::path& file, const fs::path& folder) {
  const auto relative = fs::weakly_canonical(file).lexically_relative(fs::weakly_canonical(folder));
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace agnes::server
