#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kQuotaGigabytes = 10;

std::int64_t quota() {
  const auto text = env("AGNES_SNAPSHOT_QUOTA_GB");
  if (!text) return kQuotaGigabytes;
  const auto number = parse_int(*text);
  if (!number || *number < 0)
    throw Failure(Cause::usage, "AGNES_SNAPSHOT_QUOTA_GB must be a whole number of gigabytes");
  return *number;
}

struct DiskInfo {
  std::string snapshots_dir;
  std::uint64_t used_bytes = 0;
  std::int64_t snapshot_count = 0;
  std::uint64_t free_bytes = 0;
  std::int64_t quota_gb = 0;
};
BOOST_DESCRIBE_STRUCT(DiskInfo, (), (snapshots_dir, used_bytes, snapshot_count, free_bytes, quota_gb))

DiskInfo disk_info(const Args&) {
  const fs::path folder = workspace_folder() / "user" / "snapshots";
  DiskInfo out{.snapshots_dir = folder.string(), .quota_gb = quota()};
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    out.used_bytes += entry.file_size(ignored);
    if (entry.path().parent_path() == folder && entry.path().extension() == ".parquet") ++out.snapshot_count;
  }
  std::error_code error;
  const auto space = fs::space(fs::exists(folder, ignored) ? folder : workspace_folder(), error);
  if (error)
    throw system_error("cannot tell the free space of " + workspace_folder().string(), error.value());
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
