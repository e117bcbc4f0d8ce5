#include "cli/agent_files.h"
#include "cli/commands/commands.h"
#include "cli/guide.h"
#include "cli/here.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "cli/push.h"
#include "cli/self_upgrade.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

struct UpdateStep {
  std::string step;     // self-upgrade, workspace, push, pull
  std::string outcome;  // ok or failed
  std::string detail;   // in words
};
BOOST_DESCRIBE_STRUCT(UpdateStep, (), (step, outcome, detail))
struct UpdateReport {
  std::vector<UpdateStep> steps;
};
BOOST_DESCRIBE_STRUCT(UpdateReport, (), (steps))

std::string upgrade_step(const std::string& server) {
  Api api(server, "");
  const auto result = self_upgrade(api, {});
  return result.upgraded ? "agnes is " + *result.latest + " now" : "agnes " + result.installed + " stays";
}

std::string workspace_step(Api& api, const Workspace& workspace) {
  const auto warning = install_hooks(workspace);
  install_notes(workspace);
  renew_guide(api, workspace);
  return warning.empty() ? "hooks and guide are up to date" : warning;
}

std::string push_step(Api& api, const Workspace& workspace) {
  const auto result = push(api, workspace);
  if (!result) return "another agnes push is at work";
  if (!result->errors.empty())
    throw Failure(Cause::partly_failed, result->errors.front().file + ": " + result->errors.front().error,
                  "");
  return fmt::format("{} transcripts uploaded", result->sessions);
}

std::string pull_step(Api& api, const Workspace& workspace) {
  const auto result = pull(api, workspace, {.progress = Progress::Style::none, .say_when_waiting = false});
  if (result.interrupted) throw Exit{Cause::interrupted};
  if (!result.errors.empty())
    throw Failure(
        Cause::partly_failed,
        fmt::format("{} problems, the first: {}", result.errors.size(), result.errors.front().error),
        "agnes pull tells them");
  return fmt::format("{} tables here, {} of them new", result.parquets_total, result.tables_updated);
}

// What fails stops none of the others.
UpdateReport run(const Args&) {
  const Here here = find_here();
  Api api(here.server, signed_in_to(here.server).text);
  const InterruptGuard guard;
  UpdateReport out;
  const auto step = [&](const char* name, const auto& work) {
    if (interrupted) throw Exit{Cause::interrupted};
    try {
      out.steps.push_back({name, "ok", work()});
    } catch (const http_client::Cancelled&) {
      throw Exit{Cause::interrupted};
    } catch (const std::exception& error) {
      out.steps.push_back({name, "failed", error.what()});
    }
  };
  step("self-upgrade", [&] { return upgrade_step(here.server); });
  step("workspace", [&] { return workspace_step(api, here.workspace); });
  step("push", [&] { return push_step(api, here.workspace); });
  step("pull", [&] { return pull_step(api, here.workspace); });
  return out;
}

void show(const UpdateReport& report, const Args& args) {
  for (const auto& step : report.steps)
    if (!args.flag("quiet")) print("{:<13} {:<7} {}", step.step, step.outcome, escape_control(step.detail));
}

void tell_failures(const UpdateReport& report, const Args& args) {
  bool failed = false;
  for (const auto& step : report.steps) {
    if (step.outcome == "ok") continue;
    failed = true;
    if (args.flag("quiet")) note("{}: {}", step.step, escape_control(step.detail));
  }
  if (failed) throw Exit{Cause::partly_failed};
}

}  // namespace

Command update_command() {
  return {.name = "update",
          .help = "All in one go: upgrade this program, renew the workspace's files, push, pull",
          .options = {{.names = "--quiet", .value = "", .help = "Say nothing unless something fails"}},
          .run = answers(run, show, tell_failures)};
}

}  // namespace agnes::cli
