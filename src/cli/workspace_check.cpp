#include "cli/workspace_check.h"

#include "cli/agent_files.h"
#include "cli/config.h"
#include "cli/local_data.h"
#include "cli/outcome.h"
#include "cli/self_upgrade.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
using contract::PartStatus;

// More are counted.
constexpr std::size_t kMostNames = 5;

std::string shortened(const std::vector<std::string>& names) {
  std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostNames)));
  const auto more = names.size() - first.size();
  return join(first, ", ") + (more == 0 ? "" : fmt::format(" and {} more", more));
}

void check_server(const WorkspaceReport& report, std::vector<std::string>& problems) {
  const auto used = server_url();
  if (report.server && *report.server != used)
    problems.push_back(
        fmt::format("{} is a workspace of {}, and commands here ask {}: unset AGNES_SERVER, or go to a "
                    "workspace of that server",
                    *report.folder, *report.server, used));
}

void check_setup(const Workspace& workspace, std::vector<std::string>& problems) {
  if (fs::exists(workspace.complete_mark())) return;
  const auto guide = read_file(workspace.guide());
  if (guide && is_marked_guide(*guide))
    problems.emplace_back("agnes init was interrupted here: agnes init goes on where it stopped");
}

void check_files(const Workspace& workspace, const PullState& state, WorkspaceReport& report) {
  std::vector<std::string> missing, damaged;
  for (const auto& [name, known] : state.files) {
    const auto found = stat_file(workspace.parquet_of(name));
    if (found) ++report.tables;
    if (!found)
      missing.push_back(name);
    else if (known.hash.empty() || found->size != known.size)
      damaged.push_back(name);
  }
  if (!missing.empty())
    report.problems.push_back(
        fmt::format("files of tables are missing: {}; agnes pull fetches them", shortened(missing)));
  if (!damaged.empty())
    report.problems.push_back(
        fmt::format("files of tables are not whole: {}; agnes pull fetches them again", shortened(damaged)));
}

void check_database(const Workspace& workspace, std::vector<std::string>& problems) {
  try {
    open_local(workspace);
  } catch (const Failure& error) {
    problems.emplace_back(error.what());
  } catch (const Error& error) {
    problems.push_back(
        fmt::format("{} cannot be opened: {}; move it elsewhere, then agnes pull makes another",
                    workspace.database().string(), error.what()));
  }
}
}  // namespace

WorkspaceReport check_workspace() {
  WorkspaceReport out;
  Workspace workspace;
  try {
    if (!find_workspace()) {
      out.status = PartStatus::info;
      return out;
    }
    workspace.root = workspace_folder();
  } catch (const Failure& error) {
    out.status = PartStatus::warning;
    out.problems.emplace_back(error.what());
    return out;
  }
  out.folder = workspace.root.string();
  out.server = workspace_server(workspace.root);
  // As `agnes status`.
  if (const auto database = stat_file(workspace.database()))
    out.last_pull = Timestamp{database->modified_ns / 1000};
  check_server(out, out.problems);
  check_setup(workspace, out.problems);
  check_files(workspace, load_pull_state(workspace), out);
  if (out.last_pull || fs::exists(workspace.state()))
    check_database(workspace, out.problems);
  else
    out.hints.emplace_back("nothing was pulled into this workspace yet: agnes pull");
  if (const auto failures = upgrade_failures(); failures.count > 0)
    out.hints.push_back(fmt::format("agnes self-upgrade failed {} times in a row: {}", failures.count,
                                    escape_control(failures.error)));
  if (!has_hook(workspace))
    out.hints.emplace_back(
        "the agent's sessions do not begin with agnes pull: agnes init --force adds the hook");
  if (!out.problems.empty())
    out.status = PartStatus::warning;
  else if (!out.hints.empty())
    out.status = PartStatus::info;
  return out;
}

}  // namespace agnes::cli
