#include "server/backup.h"

#include <iostream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "state/file.h"
#include "sync/orchestrator.h"
#include "workers/task.h"

namespace agnes::server {

namespace {

using workers::Channel;
using workers::Frame;
using workers::FrameType;

// So often the files are listed anew when some changed while they were taken.
constexpr int kAttempts = 20;
constexpr std::chrono::milliseconds kBetween{250};
// Writers wait while the client copies the state database: a copy of some gigabytes takes that long.
constexpr std::chrono::seconds kHoldLimit{60};
constexpr std::size_t kBuffer = 1 << 20;

Error keeps_changing(const std::vector<DataFile>& before, const std::vector<DataFile>& after) {
  const auto differs = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  const auto& name = differs.first != before.end() ? differs.first->name : differs.second->name;
  return Error(
      ErrorKind::conflict,
      fmt::format("files keep changing, {} among them: stop what writes there, or try again later", name));
}

// A second name for the content, or a copy where that is not possible (another file system, for one).
void link_or_copy(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return;
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error && error != std::errc::no_such_file_or_directory)
    throw system_error("cannot copy " + from.string(), error.value());
}

void take_names(const std::vector<DataFile>& files, const fs::path& folder) {
  for (const auto& file : files) {
    const fs::path to = folder / file.name;
    std::error_code gone;
    if (file.kind == DataFile::Kind::folder) {
      fs::create_directories(to);
      fs::permissions(to, fs::status(file.path, gone).permissions() | fs::perms::owner_all, gone);
    } else if (file.kind == DataFile::Kind::link) {
      fs::copy_symlink(file.path, to, gone);
    } else {
      link_or_copy(file.path, to);
    }
  }
}

// Copies keep mode, time and, where that is allowed, owner.
void keep_attributes(int from, int to) {
  struct stat seen {};
  if (::fstat(from, &seen) != 0) return;
  if (::fchown(to, seen.st_uid, seen.st_gid) != 0) errno = 0;  // only root may
  ::fchmod(to, seen.st_mode & 07777);
  const timespec times[2] = {seen.st_atim, seen.st_mtim};
  ::futimens(to, times);
}

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

fs::path log_of(const fs::path& file) {
  return file.string() + ".wal";
}

void copy_state(const fs::path& from, const fs::path& folder) {
  const std::string name = std::string("state/") + kStateFile;
  copy_file(from, folder, name);
  if (fs::exists(log_of(from))) copy_file(log_of(from), folder, name + ".wal");
}

// The folder that becomes the backup, removed unless it does. A killed backup leaves it; the next one to the
// same place takes it away.
class Partial {
 public:
  explicit Partial(const fs::path& target) : target_(target), path_(target.string() + ".partial") {
    if (fs::exists(fs::symlink_status(target)))
      throw Error(ErrorKind::conflict,
                  target.string() + " exists already: name a folder that is still to be made");
    std::error_code ignored;
    fs::create_directories(target.parent_path(), ignored);
    if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
      throw system_error("cannot create " + path_.string(), errno);
    lock_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!lock_) throw system_error("cannot open " + path_.string(), errno);
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      path_.clear();
      throw Error(ErrorKind::conflict, fmt::format("another backup to {} is under way", target.string()));
    }
    for (const auto& old : fs::directory_iterator(path_)) fs::remove_all(old.path());
  }
  ~Partial() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;

  const fs::path& path() const { return path_; }
  void commit() {
    if (::syncfs(lock_.get()) != 0) throw system_error("cannot write " + path_.string(), errno);
    if (fs::exists(fs::symlink_status(target_)))
      throw Error(ErrorKind::conflict, target_.string() + " has been made by somebody else meanwhile");
    rename_synced(path_, target_);
    path_.clear();
  }

 private:
  fs::path target_, path_;
  UniqueFd lock_;
};

void check_room(const std::vector<DataFile>& files, const fs::path& folder) {
  std::uint64_t needed = 0;
  for (const auto& file : files) needed += file.stamp.size;
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (needed > free)
    throw Error(ErrorKind::insufficient_storage,
                fmt::format("the backup needs {}, and {} has {} left: name a folder on another disk",
                            human_bytes(needed), folder.parent_path().string(), human_bytes(free)));
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
  for (const auto& file : files) {
    if (file.kind != DataFile::Kind::folder) continue;
    const UniqueFd source(::open(file.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd copy(::open((folder / file.name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (source && copy) keep_attributes(source.get(), copy.get());
  }
  return out;
}

// Without a server: from the files themselves.
std::vector<BackedUpFile> copy_from_files(const config::Places& places, const fs::path& folder) {
  const fs::path state = places.state / kStateFile;
  refuse_open_elsewhere(state);
  const auto stamps = [&] {
    auto files = list_data(places);
    for (const auto& file : {state, log_of(state)})
      if (const auto stamp = extracts::stamp_of(file))
        files.push_back({"state/" + file.filename().string(), file, *stamp});
    return files;
  };
  const auto before = stamps();
  auto out = copy_all(list_data(places), folder);
  copy_state(state, folder);
  if (const auto after = stamps(); after != before) throw keeps_changing(before, after);
  return out;
}

// Puts the log into the copy, which also shows that it can be opened.
int settle_state(const fs::path& folder, std::vector<BackedUpFile>& files) {
  const fs::path state = folder / "state" / kStateFile;
  int version = 0;
  try {
    state::look_into(state, [&](duck::Connection& c) { version = state::version_of(c).value_or(0); });
    if (fs::exists(log_of(state))) state::write_log_into(state);
  } catch (const Error& error) {
    throw Error(
        ErrorKind::internal,
        fmt::format("the copy of the state database cannot be opened, so there is no backup: {}. With the "
                    "server down, 'cp -a' copies the directory as it is",
                    error.what()));
  }
  files.push_back({std::string("state/") + kStateFile, fs::file_size(state), md5_file(state)});
  return version;
}

bool lies_in(const fs::path& file, const fs::path& folder) {
  const auto relative = fs::weakly_canonical(file).lexically_relative(fs::weakly_canonical(folder));
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

// DuckDB locks the file that it has open (fcntl).
void refuse_open_elsewhere(const fs::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  if (fd && ::fcntl(fd.get(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
    throw Error(
        ErrorKind::conflict,
        fmt::format(
            "{} is in use by process {}, which is no agnes-server of this version: stop that one first",
            file.string(), lock.l_pid));
}

StateLock lock_state(const config::Places& places) {
  const fs::path file = places.state / "system.lock";
  if (!fs::exists(file)) return {};
  StateLock out{FileLock::try_lock(file), false};
  out.server_runs = !out.held;
  return out;
}

std::string Snapshot::await(FrameType wanted) {
  while (true) {
    Frame frame;
    if (channel_->receive(frame) != Channel::Outcome::frame)
      throw Error(ErrorKind::unavailable, "the server ended before this was done");
    if (frame.type == FrameType::error) workers::throw_decoded(frame.payload);
    if (frame.type == wanted) return frame.payload;
    if (frame.type == FrameType::progress)
      std::cerr << std::string(boost::json::parse(frame.payload).at("said").as_string()) << std::endl;
  }
}

Snapshot::Snapshot(const config::Places& places, const fs::path& folder)
    : channel_(ask_server(places.state, kSnapshotRequest)) {
  const auto ready = boost::json::parse(await(FrameType::ready));
  folder_ = std::string(ready.at("folder").as_string());
  fs::create_directories(folder / "state");
  copy_state(std::string(ready.at("state").as_string()), folder);
  channel_->send(FrameType::done, "");
  await(FrameType::done);
}

config::Places Snapshot::places() const {
  return {.data = folder_, .config = folder_ / "config", .state = folder_ / "state"};
}

void serve_snapshot(Channel& channel, const config::Places& places, state::Store& store,
                    const jobs::Runner& runner) {
  fs::create_directories(places.data / "tmp");
  std::optional<TemporaryFolder> staging;
  for (int attempt = 1;; ++attempt) {
    if (runner.running(sync::kSyncJob)) {
      channel.send(FrameType::progress, R"({"said":"a sync is running: waiting until it has ended"})");
      runner.wait(sync::kSyncJob);
    }
    staging.reset();
    staging.emplace(places.data / "tmp");
    const auto before = list_data(places);
    take_names(before, staging->path());
    const auto after = list_data(places);
    if (after == before && !runner.running(sync::kSyncJob)) break;
    if (attempt == kAttempts) throw keeps_changing(before, after);
    std::this_thread::sleep_for(kBetween);
  }
  const auto await = [&](std::optional<Channel::Clock::time_point> until) {
    Frame frame;
    return channel.receive(frame, until);
  };
  const boost::json::value ready{{"folder", staging->path().string()}, {"state", store.file().string()}};
  auto outcome = Channel::Outcome::closed;
  store.hold_still([&] {
    channel.send(FrameType::ready, boost::json::serialize(ready));
    outcome = await(Channel::Clock::now() + kHoldLimit);
  });
  if (outcome == Channel::Outcome::timeout)
    throw Error(ErrorKind::timeout,
                fmt::format("the state database was not copied within {} s", kHoldLimit.count()));
  if (outcome == Channel::Outcome::closed) return;
  channel.send(FrameType::done, "");
  await(std::nullopt);  // until the client has copied the rest and closes
}

std::string back_up(const config::Places& places, const fs::path& wanted) {
  fs::path target = fs::absolute(wanted).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  for (const auto& folder : {places.data, places.state})
    if (lies_in(target, folder))
      throw Error(ErrorKind::bad_request,
                  fmt::format("{} lies in {}, which is what is backed up: name a folder elsewhere",
                              target.string(), folder.string()));
  if (!fs::exists(places.state / kStateFile))
    throw Error(ErrorKind::not_found,
                fmt::format("there is no {} in {}: name the data directory with --data-dir", kStateFile,
                            places.state.string()));
  Partial partial(target);
  std::vector<BackedUpFile> files;
  // Held to the end, so that no server starts on files that are being copied.
  const auto lock = lock_state(places);
  if (lock.server_runs) {
    const Snapshot snapshot(places, partial.path());
    files = copy_all(list_data(snapshot.places()), partial.path());
  } else {
    files = copy_from_files(places, partial.path());
  }
  BackupNote note;
  note.made_at = format_iso_utc(now());
  note.agnes_version = AGNES_VERSION;
  note.schema_version = settle_state(partial.path(), files);
  std::uint64_t size = 0;
  for (const auto& file : files) size += file.size;
  note.files = std::move(files);
  replace_file(partial.path() / kBackupNote, boost::json::serialize(json::to_json(note)) + '\n', 0600);
  partial.commit();
  const bool with_settings = fs::exists(target / "config" / "instance.yaml");
  return fmt::format("{}: {} files, {}, schema version {}{}\n", target.string(), note.files.size(),
                     human_bytes(size), note.schema_version,
                     with_settings ? "" : "; there was no instance.yaml (--config-dir) to take along");
}

}  // namespace agnes::server
