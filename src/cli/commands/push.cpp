#include "cli/push.h"

#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/here.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

void show_plan(const PushPlan& plan) {
  print("Dry run: {} transcripts would be uploaded", plan.would_upload.sessions.size());
  for (const auto& file : plan.would_upload.sessions) print("  {}", file);
  if (!plan.would_skip_private.empty()) print("Private, and left alone: {}", plan.would_skip_private.size());
  for (const auto& skipped : plan.would_skip_private) print("  {}", skipped.path);
  if (plan.would_upload.local_md) print("Notes, when they have changed: {}", *plan.would_upload.local_md);
}

void show_result(const PushResult& result) {
  print("Uploaded {} transcripts{}; {} were there already", result.sessions,
        result.local_md ? " and your notes" : "", result.unchanged);
  if (result.private_skipped > 0) print("Private, and left alone: {}", result.private_skipped);
}

// After the answer, so that --json has it, too.
void tell_errors(const PushResult& result) {
  for (const auto& error : result.errors) note("{}: {}", escape_control(error.file), error.error);
  if (!result.errors.empty()) throw Exit{Cause::partly_failed};
}

void run(const Args& args) {
  const auto [server, workspace] = find_here();
  if (args.flag("dry-run")) {
    const auto plan = plan_push(workspace, server);
    if (args.json())
      print_json(json::to_json(plan));
    else
      show_plan(plan);
    return;
  }
  const auto token = signed_in_to(server);
  // At the end of a session the agent ends its hooks, and what they began.
  if (args.flag("quiet")) ::setsid();
  Api api(server, token.text);
  const InterruptGuard guard;
  const auto result = push(api, workspace);
  if (!result) {
    if (!args.flag("quiet")) note("Another agnes push is at work here: it uploads what there is.");
    if (args.json()) print_json(json::to_json(PushResult()));
    return;
  }
  if (args.json())
    print_json(json::to_json(*result));
  else if (!args.flag("quiet"))
    show_result(*result);
  tell_errors(*result);
}

}  // namespace

Command push_command() {
  return {
      .name = "push",
      .help =
          "Upload transcripts of the agent's sessions here, and your notes, without what looks like a secret",
      .options = {{.names = "--quiet", .value = "", .help = "Say nothing unless something fails"},
                  {.names = "--dry-run", .value = "", .help = "List what would be uploaded; upload nothing"},
                  {.names = "--legacy-scan",
                   .value = "",
                   .help = "Without effect: the agent's folders are always looked through"}},
      .run = {run, {{"", &json::schema<PushResult>}, {"--dry-run", &json::schema<PushPlan>}}}};
}

}  // namespace agnes::cli
