#include "app/module.h"
#include "server/backup.h"
#include "server/control.h"
#include "server/data_files.h"

namespace agnes::snapshots {

namespace {

// The running server's part of a backup.
class SnapshotsModule final : public app::Module {
 public:
  explicit SnapshotsModule(app::Services& services)
      : control_(services.places.state,
                 {{server::kSnapshotRequest,
                   [&services, &store = services.get<state::Store>()](workers::Channel& channel) {
                     server::serve_snapshot(channel, services.places, store, services.jobs);
                   }}}) {
    // What is served is not an untouched backup any more, if it was one.
    std::filesystem::remove(services.places.data / server::kBackupNote);
  }

 private:
  server::Control control_;
};

}  // namespace

app::ModuleKind module() {
  return {"snapshots", nullptr, app::make_module<SnapshotsModule>};
}

}  // namespace agnes::snapshots
