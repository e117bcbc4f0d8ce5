#include "server/backup.h"

#include <iostream>

#include <fcntl.h>
#include <unistd.h>

#include "core/state/file.h"
#include "core/sync/orchestrator.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/workers/task.h"

namespace agnes::server {

namespace {

using workers::Channel;
using workers::Frame;
using workers::FrameType;

// So often the files are listed anew when some changed while they were taken.
constexpr int kAttempts = 20;
constexpr std::chrono::milliseconds kPollInterval{250};
// Writers wait while the client copies the state database: a copy of some gigabytes takes that long.
constexpr std::chrono::seconds kHoldLimit{60};

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

fs::path log_of(const fs::path& file) {
  return file.string() + ".wal";
}

void copy_state(const fs::path& from, const fs::path& folder) {
  const std::string name = std::string("state/") + kStateFile;
  copy_file(from, folder, name);
  if (fs::exists(log_of(from))) copy_file(log_of(from), folder, name + ".wal");
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
    state::look_into(state, [&](state::Tx& tx) { version = state::version_of(tx).value_or(0); });
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
            "{} is in use by process {}, which is not an agnes-server of this version: stop that one first",
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
                    const jobs::Service& jobs) {
  fs::create_directories(places.data / "tmp");
  std::optional<TemporaryFolder> staging;
  for (int attempt = 1;; ++attempt) {
    if (jobs.running(sync::kSyncJob)) {
      channel.send(FrameType::progress, R"({"said":"a sync is running: waiting until it has ended"})");
      jobs.wait_idle(sync::kSyncJob);
    }
    staging.reset();
    staging.emplace(places.data / "tmp");
    const auto before = list_data(places);
    take_names(before, staging->path());
    const auto after = list_data(places);
    if (after == before && !jobs.running(sync::kSyncJob)) break;
    if (attempt == kAttempts) throw keeps_changing(before, after);
    std::this_thread::sleep_for(kPollInterval);
  }
  const auto await = [&](std::optional<Channel::Clock::time_point> until) {
    Frame frame;
    return channel.receive(frame, until);
  };
  const boost::json::value ready{{"folder", staging->path().string()}, {"state", store.file().string()}};
  auto outcome = Channel::Outcome::closed;
  store.with_writes_paused([&] {
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
  const fs::path target = absolute_folder(wanted);
  const fs::path work = target.string() + ".partial";
  for (const auto& folder : {places.data, places.state}) {
    if (lies_in(target, folder))
      throw Error(ErrorKind::bad_request,
                  fmt::format("{} lies in {}, which is what is backed up: name a folder elsewhere",
                              target.string(), folder.string()));
    if (lies_in(folder, work))
      throw Error(ErrorKind::bad_request,
                  fmt::format("{} is where this backup would be made: name another folder", work.string()));
  }
  if (!fs::exists(places.state / kStateFile))
    throw Error(ErrorKind::not_found,
                fmt::format("there is no {} in {}: name the data directory with --data-dir", kStateFile,
                            places.state.string()));
  if (fs::exists(fs::symlink_status(target)))
    throw Error(ErrorKind::conflict,
                target.string() + " exists already: name a folder that is still to be made");
  UnfinishedFolder partial(work, "backup to " + target.string());
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
  partial.rename(target);
  const bool with_settings = fs::exists(target / "config" / "instance.yaml");
  return fmt::format("{}: {} files, {}, schema version {}{}\n", target.string(), note.files.size(),
                     human_bytes(size), note.schema_version,
                     with_settings ? "" : "; there was no instance.yaml (--config-dir) to take along");
}

}  // namespace agnes::server
