#include <boost/json.hpp>

#include "cli/agent_files.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/workspace.h"
#include "lib/base/env.h"
#include "lib/base/time.h"

namespace agnes::cli {

namespace json = boost::json;

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

void run(const Args& args) {
  const Workspace workspace{workspace_folder()};
  // A workspace of the Python client without the mark has its guide.
  const auto guide = read_file(workspace.guide());
  const bool initialized =
      fs::exists(workspace.complete_mark()) || (guide && guide->find(kGuideMark) != guide->npos);
  std::set<std::string> tables;
  collect(workspace.parquet(), ".parquet", tables);
  const auto database = stat_file(workspace.database());
  const auto sessions = session_files(workspace).size();
  json::value last;
  if (database) last = format_iso_utc(Timestamp{database->modified_ns / 1000});

  if (args.flag("json"))
    return print("{}", pretty(json::object{{"workspace", workspace.root.string()},
                                           {"initialized", initialized},
                                           {"parquet_tables", tables.size()},
                                           {"duckdb_exists", database.has_value()},
                                           {"last_synced", last},
                                           {"sessions_pending_upload", sessions}}));
  print("Workspace:  {}{}", workspace.root.string(), initialized ? "" : " (not set up)");
  print("Server:     {}", server_url());
  print("Tables:     {}", tables.size());
  print("Database:   {}", database ? "user/duckdb/analytics.duckdb" : "none yet");
  print("Last pull:  {}", database ? plain(last) : "never");
  print("Sessions:   {} on this machine", sessions);
  if (!initialized) print("Next: agnes init --server-url URL --token -");
}
}  // namespace

Command status_command() {
  return {.name = "status",
          .help = "Show what this workspace holds, and from when it is",
          .options = {{.names = "--json", .value = "", .help = "Print it as JSON"}},
          .run = run};
}

}  // namespace agnes::cli
