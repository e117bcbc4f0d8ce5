#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/snapshots.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

struct DiskInfo {
  std::string snapshots_dir;
  std::uint64_t used_bytes = 0;
  std::int64_t snapshot_count = 0;
  std::uint64_t free_bytes = 0;
  std::int64_t quota_gb = 0;
};
BOOST_DESCRIBE_STRUCT(DiskInfo, (), (snapshots_dir, used_bytes, snapshot_count, free_bytes, quota_gb))

DiskInfo disk_info(const Args&) {
  const Workspace workspace{workspace_folder()};
  const auto taken = snapshot_space(workspace);
  DiskInfo out{.snapshots_dir = workspace.snapshots().string(),
               .used_bytes = taken.used,
               .quota_gb = static_cast<std::int64_t>(taken.quota >> 30)};
  out.snapshot_count = static_cast<std::int64_t>(list_snapshots(workspace).size());
  const fs::path folder = fs::exists(workspace.snapshots()) ? workspace.snapshots() : workspace.root;
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error) throw system_error("cannot tell the free space of " + folder.string(), error.value());
  out.free_bytes = space.available;
  return out;
}

void show(const DiskInfo& info) {
  print("Snapshots:  {} in {}", info.snapshot_count, info.snapshots_dir);
  print("Used:       {} of {} GB", human_bytes(info.used_bytes), info.quota_gb);
  print("Free:       {} on that disk", human_bytes(info.free_bytes));
}

}  // namespace

Command disk_info_command() {
  return {
      .name = "disk-info", .help = "Show the disk space that snapshots use", .run = answers(disk_info, show)};
}

}  // namespace agnes::cli
