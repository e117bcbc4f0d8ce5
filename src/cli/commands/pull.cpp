#include "cli/pull.h"

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/guide.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) out += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kMost) out += fmt::format(" and {} more", names.size() - kMost);
  return out;
}

void say(const PullResult& result) {
  const auto& updated = result.updated;
  const auto& removed = result.removed;
  const std::string would = result.dry_run ? "Would fetch" : "Fetched";
  if (updated.empty() && removed.empty() && result.problems.empty())
    print("Nothing changed: {} tables are up to date.", result.total);
  else
    print("{} {} of {} tables{}.", would, updated.size(), result.total,
          updated.empty() ? "" : ": " + list(updated));
  if (!removed.empty())
    print("{} {} that you may no longer see, or that are gone: {}.",
          result.dry_run ? "Would remove" : "Removed", removed.size(), list(removed));
  if (result.rules > 0) print("Rules: {}.", result.rules);
}

// A workspace holds the tables of one server: those of another would stay beside them and never change again.
void check_server(const fs::path& root, const std::string& server) {
  const auto made_for = workspace_server(root);
  if (made_for && *made_for != server)
    throw Failure(
        1, fmt::format(
               "{} is a workspace of {}, not of {}: agnes init --force --server-url {} moves it there",
               root.string(), escape_control(*made_for), escape_control(server), escape_control(server)));
}

void run(const Args& args) {
  const std::string server = server_url();
  const auto root = find_workspace();
  if (!has_server()) throw Failure(1, "no server is set up: agnes init --server-url URL --token -");
  if (!root)
    throw Failure(1,
                  "no workspace here or in a folder above: go to yours, or make one in an empty folder with "
                  "agnes init");
  check_server(*root, server);
  const auto token = stored_token(server);
  if (!token)
    throw Failure(1,
                  fmt::format("not signed in to {}: agnes auth login, or agnes auth import-token --token -",
                              escape_control(server)));
  Api api(server, token->text);
  const bool json = args.flag("json"), quiet = args.flag("quiet");
  const InterruptGuard guard;
  const PullResult result =
      pull(api, {*root},
           {.dry_run = args.flag("dry-run"),
            .skip_materialize = args.flag("skip-materialize"),
            .progress = json || quiet ? Progress::Style::none : Progress::style_for_terminal(),
            .say_when_waiting = !quiet});
  if (!result.dry_run && (!result.updated.empty() || !result.removed.empty())) renew_guide(api, {*root});
  if (json) print("{}", pretty(to_json(result)));
  if (result.interrupted) {
    note("Interrupted: run agnes pull again to go on.");
    throw Exit{130};
  }
  if (!json && !quiet) {
    const bool none = std::any_of(result.problems.begin(), result.problems.end(),
                                  [](const PullProblem& problem) { return problem.stage == "manifest"; });
    if (!none) say(result);
  }
  for (const auto& problem : result.problems)
    note("Error: {}: {}", problem.table.empty() ? problem.stage : problem.table, problem.error);
  if (!result.problems.empty()) throw Exit{1};
}
}  // namespace

Command pull_command() {
  return {
      .name = "pull",
      .help = "Fetch what changed on the server into this workspace",
      .options = {{.names = "--quiet", .value = "", .help = "Say nothing unless something fails"},
                  {.names = "--json", .value = "", .help = "Print the outcome as JSON"},
                  {.names = "--dry-run", .value = "", .help = "Find out what would change; change nothing"},
                  {.names = "--skip-materialize",
                   .value = "",
                   .help = "Leave materialized tables, often large, for another time"}},
      .run = run};
}

}  // namespace agnes::cli
