#include "cli/pull.h"

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/guide.h"
#include "cli/here.h"
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

void show(const PullResult& result, const Args& args) {
  if (result.interrupted || args.flag("quiet") || manifest_problem(result) != nullptr) return;
  const bool dry = args.flag("dry-run");
  const auto& updated = *(dry ? result.would_update : result.updated);
  const auto& removed = *(dry ? result.would_remove : result.removed);
  if (updated.empty() && removed.empty() && result.errors.empty())
    print("Nothing changed: {} tables are up to date.", result.parquets_total);
  else
    print("{} {} of {} tables{}.", dry ? "Would fetch" : "Fetched", updated.size(), result.parquets_total,
          updated.empty() ? "" : ": " + list(updated));
  if (!removed.empty())
    print("{} {} that you may no longer see, or that are gone: {}.", dry ? "Would remove" : "Removed",
          removed.size(), list(removed));
  if (result.rules_count > 0) print("Rules: {}.", result.rules_count);
}

void tell_problems(const PullResult& result) {
  if (result.interrupted) {
    note("Interrupted: run agnes pull again to go on.");
    throw Exit{Cause::interrupted};
  }
  say_problems(result);
  if (const auto* problem = manifest_problem(result)) throw Exit{problem->kind};
  if (!result.errors.empty()) throw Exit{Cause::partly_failed};
}

PullResult run(const Args& args) {
  const auto [server, workspace] = find_here();
  Api api(server, signed_in_to(server).text);
  const bool silent = args.json() || args.flag("quiet");
  const InterruptGuard guard;
  PullResult result = pull(api, workspace,
                           {.dry_run = args.flag("dry-run"),
                            .skip_materialize = args.flag("skip-materialize"),
                            .progress = silent ? Progress::Style::none : Progress::style_for_terminal(),
                            .say_when_waiting = !args.flag("quiet")});
  if (result.tables_updated + result.tables_removed > 0) renew_guide(api, workspace);
  return result;
}
}  // namespace

Command pull_command() {
  return {
      .name = "pull",
      .help = "Fetch what changed on the server into this workspace",
      .options = {{.names = "--quiet", .value = "", .help = "Say nothing unless something fails"},
                  {.names = "--dry-run", .value = "", .help = "Find out what would change; change nothing"},
                  {.names = "--skip-materialize",
                   .value = "",
                   .help = "Leave materialized tables, often large, for another time"}},
      .run = answers(run, show, tell_problems)};
}

}  // namespace agnes::cli
