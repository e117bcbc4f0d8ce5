#pragma once

#include "core/state/store.h"
#include "lib/jobs/service.h"
#include "server/control.h"
#include "server/copy_files.h"

// A copy of a data directory that is one moment's, and is a data directory itself.
namespace agnes::server {

// The running server's part, for Control: waits for a sync under way to end, puts second names of all files
// (hard links, so that a later sync leaves their content alone) into a folder of its own, lets nobody write
// to the state while the client copies that, and takes the folder away when the client has gone. Frames:
//   server -> client  progress  {"said": "..."}
//   server -> client  ready     {"folder": "...", "state": "..."}: copy the state now
//   client -> server  done      the state has been copied
//   server -> client  done      it was held still until then
inline constexpr const char* kSnapshotRequest = "snapshot";
void serve_snapshot(workers::Channel& channel, const config::Places& places, state::Store& store,
                    const jobs::Service& jobs);

// The client's part: a snapshot of the running server's, there until this goes. Its state database, with
// its log, is copied to `folder`/state.
class Snapshot {
 public:
  // Throws what the server says, or Error (unavailable) when it cannot be asked.
  Snapshot(const config::Places& places, const fs::path& folder);
  // The places of the snapshot's files.
  config::Places places() const;

 private:
  std::string await(workers::FrameType wanted);
  std::unique_ptr<workers::Channel> channel_;
  fs::path folder_;
};

// The lock on a state directory; nothing when a server holds it. A folder that no server has used yet is not
// locked: nothing is made in it.
struct StateLock {
  std::optional<FileLock> held;
  bool server_runs = false;
};
StateLock lock_state(const config::Places& places);
// Throws Error (conflict) when a program that is not an agnes-server has the state database open for writing.
void refuse_open_elsewhere(const fs::path& file);

// Copies the data directory into the new folder `target`, whether a server runs on it or not. Written as
// "<target>.partial" and renamed once all of it is on the disk, with `backup.json` (names, sizes, hashes) at
// its top. The data directory stays as it is. Returns a line for people. Throws Error for a target that
// exists or lies in the data directory, a full disk, files that keep changing, a state database that cannot
// be opened or that another program has open.
std::string back_up(const config::Places& places, const fs::path& target);

// backup.json.
struct BackupNote {
  int format = 1;
  std::string made_at, agnes_version;
  int schema_version = 0;
  std::vector<BackedUpFile> files;
};
BOOST_DESCRIBE_STRUCT(BackupNote, (), (format, made_at, agnes_version, schema_version, files))

}  // namespace agnes::server
