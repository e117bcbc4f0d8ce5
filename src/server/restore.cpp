#include "server/restore.h"

#include <set>

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "server/backup.h"
#include "server/check.h"

namespace agnes::server {

namespace {

config::Places places_in(const fs::path& folder) {
  return {.data = folder, .config = folder / "config", .state = folder / "state"};
}

BackupNote note_of(const fs::path& backup) {
  const auto text = read_file(backup / kBackupNote);
  if (!text)
    throw Error(ErrorKind::not_found,
                fmt::format("{} is not a backup: it has no {}, or a server has run on it since",
                            backup.string(), kBackupNote));
  try {
    return json::from_json<BackupNote>(json::parse(*text));
  } catch (const std::exception& error) {
    throw Error(ErrorKind::bad_request, fmt::format("{} is damaged: its {} cannot be read: {}",
                                                    backup.string(), kBackupNote, error.what()));
  }
}

// Throws unless all files are as they were backed up and the accounts can be read. How many other findings
// there are: those were backed up with the rest.
std::size_t refuse_damaged(const fs::path& backup) {
  std::vector<Finding> damages;
  std::size_t others = 0;
  for (const auto& finding : check(places_in(backup))) {
    if (finding.level == "note") continue;
    if (finding.level == "error" && (finding.part == "backup" || finding.part == "state"))
      damages.push_back(finding);
    else
      ++others;
  }
  if (damages.empty()) return others;
  const auto& first = damages.front();
  throw Error(ErrorKind::bad_request,
              fmt::format("the backup {} is damaged: {}{}{}{}; 'agnes-server check --data-dir {}' tells all",
                          backup.string(), first.about, first.about.empty() ? "" : " ", first.message,
                          damages.size() > 1 ? fmt::format(" (and {} more)", damages.size() - 1) : "",
                          backup.string()));
}

// Where something else is mounted: would not move with the folder it is in, from the next boot on.
bool is_mount_point(const fs::path& folder) {
  struct statx seen {};
  return ::statx(AT_FDCWD, folder.c_str(), 0, 0, &seen) == 0 &&
         (seen.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void copy_checked(const fs::path& backup, const BackupNote& note, const fs::path& folder) {
  std::map<std::string, BackedUpFile> copied;
  auto files = list_data(places_in(backup), Links::kept);
  // A backup may be somebody else's: where its links lead, and what its list does not name, stays out.
  std::erase_if(files, [](const DataFile& file) { return file.kind == DataFile::Kind::link; });
  for (auto& file : copy_all(files, folder)) copied.emplace(file.name, file);
  std::set<std::string> listed;
  for (const auto& file : note.files) listed.insert(file.name);
  for (const auto& [name, file] : copied)
    if (!listed.contains(name))
      throw Error(
          ErrorKind::conflict,
          fmt::format("{} is not in the list of the backup ({}): take it out of there, and restore again",
                      escape_control(name), kBackupNote));
  const std::string state = std::string("state/") + kStateFile;
  copied.emplace(state, copy_file(backup / state, folder, state));
  for (const auto& file : note.files) {
    const auto found = copied.find(file.name);
    if (found == copied.end() || found->second != file)
      throw Error(ErrorKind::conflict,
                  fmt::format("{} of the backup changed while it was copied", file.name));
  }
  copy_file(backup / kBackupNote, folder, kBackupNote);
  keep_folder_attributes(backup / "state", folder / "state");
}

fs::path name_for_old(const fs::path& folder) {
  std::string moment = format_iso(Timestamp{now().micros / 1'000'000 * 1'000'000});
  std::erase_if(moment, [](char c) { return c == '-' || c == ':'; });
  const std::string name = fmt::format("{}.before-{}", folder.string(), moment);
  fs::path out = name;
  for (int i = 2; fs::exists(fs::symlink_status(out)); ++i) out = fmt::format("{}-{}", name, i);
  return out;
}

}  // namespace

std::string restore(const config::Places& places, const fs::path& named, bool replace) {
  const fs::path backup = absolute_folder(named);
  // A link stays a link: what it leads to is replaced.
  const fs::path data = fs::weakly_canonical(absolute_folder(places.data));
  if (places.state != places.data / "state")
    throw Error(ErrorKind::bad_request,
                fmt::format("STATE_DIR keeps the accounts in {}, apart from {}, and both cannot be replaced "
                            "in one step: restore without STATE_DIR to a new folder, then move its state/",
                            places.state.string(), data.string()));
  const auto note = note_of(backup);
  if (lies_in(data, backup) || lies_in(backup, data))
    throw Error(ErrorKind::bad_request, fmt::format("{} and {} lie in one another: move the backup elsewhere",
                                                    backup.string(), data.string()));
  const fs::path work = data.string() + ".restoring";
  if (lies_in(work, backup) || lies_in(backup, work))
    throw Error(
        ErrorKind::bad_request,
        fmt::format("{} is where a restore works: give the backup another name first", work.string()));
  const bool is_there = fs::exists(data);
  if (is_there && !fs::is_directory(data))
    throw Error(ErrorKind::bad_request, data.string() + " is not a folder: name one with --data-dir");
  if (is_there && is_mount_point(data))
    throw Error(ErrorKind::bad_request,
                fmt::format("{} is a mount point, which cannot be replaced in one step: empty it, then "
                            "cp -a {}/. {}",
                            data.string(), backup.string(), data.string()));
  const bool in_use = is_there && !fs::is_empty(data);
  if (in_use)
    for (const auto& entry : fs::directory_iterator(data))
      if (is_mount_point(entry.path()))
        throw Error(ErrorKind::bad_request,
                    fmt::format("{} is a mount point, which does not move with {}: empty both, then "
                                "cp -a {}/. {}",
                                entry.path().string(), data.string(), backup.string(), data.string()));
  // Held to the end. Where there is no state yet, a server that starts meanwhile makes the rename fail.
  std::optional<FileLock> lock;
  if (in_use && fs::is_directory(data / "state")) {
    lock = FileLock::try_lock(data / "state" / "system.lock");
    if (!lock)
      throw Error(ErrorKind::conflict,
                  fmt::format("a server is running on {}: stop it first", data.string()));
    refuse_open_elsewhere(data / "state" / kStateFile);
  }
  if (in_use && !replace)
    throw Error(ErrorKind::conflict,
                fmt::format("{} is not empty: with --replace the backup takes its place, and what is there "
                            "is kept beside it",
                            data.string()));
  const std::size_t others = refuse_damaged(backup);

  UnfinishedFolder unfinished(work, "restore to " + data.string());
  copy_checked(backup, note, unfinished.path());
  // Its account and mode; where it is new, those of the folder that the server wrote into.
  keep_folder_attributes(is_there ? data : backup / "state", unfinished.path());
  fs::path kept;
  if (in_use) {
    if (!lock && fs::exists(data / "state"))
      throw Error(ErrorKind::conflict,
                  fmt::format("a server has started on {} meanwhile: stop it first", data.string()));
    kept = name_for_old(data);
    unfinished.exchange(data, kept);
  } else {
    unfinished.rename(data);
  }
  std::string said = fmt::format("{}: the backup of {}, {} files, schema version {}\n", data.string(),
                                 note.made_at, note.files.size(), note.schema_version);
  if (in_use) said += fmt::format("what was there is {} now\n", kept.string());
  const fs::path settings = data / "config" / "instance.yaml";
  if (fs::exists(settings) && fs::weakly_canonical(places.config) != settings.parent_path())
    said += fmt::format("its settings are in {}, not in --config-dir {}\n", settings.string(),
                        places.config.string());
  if (others != 0)
    said += fmt::format("not all in it was in order: agnes-server check --data-dir {}\n", data.string());
  return said;
}

}  // namespace agnes::server
