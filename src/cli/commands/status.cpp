#include "cli/agent_files.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/workspace.h"
#include "lib/base/env.h"
#include "lib/base/time.h"

namespace agnes::cli {

namespace {
void collect(const fs::path& folder, std::string_view extension, std::set<std::string>& names) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() == extension && !name.starts_with('.')) names.insert(name);
  }
}

// The agent keeps its transcripts in ~/.claude/projects, in a folder named after the workspace's path: "/"
// became "-" in its earlier versions, every run of other than letters and digits in later ones.
std::set<std::string> session_files(const Workspace& workspace) {
  std::set<std::string> names;
  const std::string path = workspace.root.string();
  std::string slashes = path, runs;
  std::replace(slashes.begin(), slashes.end(), '/', '-');
  for (const unsigned char c : path) {
    if (std::isalnum(c) != 0)
      runs += static_cast<char>(c);
    else if (runs.empty() || runs.back() != '-')
      runs += '-';
  }
  const fs::path projects = fs::path(env_or("HOME", "/")) / ".claude" / "projects";
  for (const auto& folder : {projects / slashes, projects / runs, workspace.root / "user" / "sessions"})
    collect(folder, ".jsonl", names);
  return names;
}

struct Status {
  std::string workspace;
  bool initialized = false;
  std::int64_t parquet_tables = 0;
  bool duckdb_exists = false;
  std::optional<std::string> last_synced;
  std::int64_t sessions_pending_upload = 0;
  std::string server;
};
BOOST_DESCRIBE_STRUCT(Status, (),
                      (workspace, initialized, parquet_tables, duckdb_exists, last_synced,
                       sessions_pending_upload, server))

Status status(const Args&) {
  const Workspace workspace{workspace_folder()};
  // A workspace of the Python client without the mark has its guide.
  const auto guide = read_file(workspace.guide());
  std::set<std::string> tables;
  collect(workspace.parquet(), ".parquet", tables);
  const auto database = stat_file(workspace.database());
  Status out{.workspace = workspace.root.string(), .last_synced = {}, .server = server_url()};
  out.initialized =
      fs::exists(workspace.complete_mark()) || (guide && guide->find(kGuideMark) != guide->npos);
  out.parquet_tables = static_cast<std::int64_t>(tables.size());
  out.duckdb_exists = database.has_value();
  if (database) out.last_synced = format_iso_utc(Timestamp{database->modified_ns / 1000});
  out.sessions_pending_upload = static_cast<std::int64_t>(session_files(workspace).size());
  return out;
}

void show(const Status& status) {
  print("Workspace:  {}{}", status.workspace, status.initialized ? "" : " (not set up)");
  print("Server:     {}", status.server);
  print("Tables:     {}", status.parquet_tables);
  print("Database:   {}", status.duckdb_exists ? "user/duckdb/analytics.duckdb" : "none yet");
  print("Last pull:  {}", status.last_synced.value_or("never"));
  print("Sessions:   {} on this machine", status.sessions_pending_upload);
  if (!status.initialized) print("Next: agnes init --server-url URL --token -");
}
}  // namespace

Command status_command() {
  return {.name = "status",
          .help = "Show what this workspace holds, and from when it is",
          .run = answers(status, show)};
}

}  // namespace agnes::cli
