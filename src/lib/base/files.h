#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

// Files that are whole or not there. Every function throws Error (kind `internal`, or `insufficient_storage`
// when the disk is full) naming the file and the cause.
namespace agnes {

namespace fs = std::filesystem;

// Owns a file descriptor.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// The whole content; nothing when there is no such file.
std::optional<std::string> read_file(const fs::path& file);
// Opens a regular file for reading by its way from `folder`. No part of that way may be a link or "..": whoever may write below the
// folder cannot lead out of it, whenever they change what is there. Not open, with errno, for whatever is there instead.
UniqueFd open_beneath(const fs::path& folder, const fs::path& way);

// Writes all of `data` to a descriptor. `write_all` ignores errors (for logs), `write_or_throw` does not.
void write_all(int fd, std::string_view data) noexcept;
void write_or_throw(int fd, std::string_view data, const fs::path& name_for_errors);

// Replaces `file` by `content`: written beside, synced, renamed over, folder synced. After a crash at any
// point the old content or the new one is there. `mode` is the new file's permission.
void replace_file(const fs::path& file, std::string_view content, unsigned mode = 0644);

// The same for a file that somebody else writes: hand `temporary()` out, then `commit()`. Without a commit
// the temporary file is removed.
class PendingFile {
 public:
  explicit PendingFile(fs::path target);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  const fs::path& temporary() const { return temporary_; }
  void commit();  // fsync, rename over the target, fsync of the folder

 private:
  fs::path target_, temporary_;
};

void sync_file(const fs::path& file);
void sync_folder(const fs::path& folder);
// Renames within a file system and makes it last: both folders are synced.
void rename_synced(const fs::path& from, const fs::path& to);

// Names of temporary files and folders of ours: ".agnes-tmp-<process>-<random>". Leftovers of a killed
// process are removed by `remove_leftovers`, which skips those that another running process holds. Process
// ids come round again: who knows that nobody else can be at work there (by a lock) asks for all.
enum class Leftovers { of_dead_processes, all };
fs::path temporary_name(const fs::path& beside);
bool is_temporary(const fs::path& file);
void remove_leftovers(const fs::path& folder, Leftovers which = Leftovers::of_dead_processes);

// A folder that goes with the object.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// An exclusive advisory lock on a file (created when missing), held until the object or the process ends.
// Nothing when another process or object holds it.
class FileLock {
 public:
  static std::optional<FileLock> try_lock(const fs::path& file);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace agnes
