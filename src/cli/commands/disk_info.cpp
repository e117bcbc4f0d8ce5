#include <boost/json.hpp>

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kQuotaGigabytes = 10;

std::int64_t quota() {
  const auto text = env("AGNES_SNAPSHOT_QUOTA_GB");
  if (!text) return kQuotaGigabytes;
  const auto number = parse_int(*text);
  if (!number || *number < 0)
    throw Failure(kUsage, "AGNES_SNAPSHOT_QUOTA_GB must be a whole number of gigabytes");
  return *number;
}

void run(const Args& args) {
  const fs::path folder = workspace_folder() / "user" / "snapshots";
  std::uint64_t used = 0, count = 0;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    used += entry.file_size(ignored);
    if (entry.path().parent_path() == folder && entry.path().extension() == ".parquet") ++count;
  }
  std::error_code error;
  const auto space = fs::space(fs::exists(folder, ignored) ? folder : workspace_folder(), error);
  if (error)
    throw system_error("cannot tell the free space of " + workspace_folder().string(), error.value());
  if (args.flag("json"))
    return print("{}", pretty(json::object{{"snapshots_dir", folder.string()},
                                           {"used_bytes", used},
                                           {"snapshot_count", count},
                                           {"free_bytes", space.available},
                                           {"quota_gb", quota()}}));
  print("Snapshots:  {} in {}", count, folder.string());
  print("Used:       {} of {} GB", human_bytes(used), quota());
  print("Free:       {} on that disk", human_bytes(space.available));
}

}  // namespace

Command disk_info_command() {
  return {.name = "disk-info",
          .help = "Show the disk space that snapshots use",
          .options = {{.names = "--json", .value = "", .help = "Print it as JSON"}},
          .run = run};
}

}  // namespace agnes::cli
