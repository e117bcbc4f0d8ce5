#include "cli/push.h"

#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

Workspace workspace_here() {
  if (!find_workspace())
    throw Failure(Cause::failed, "no workspace here or in a folder above",
                  "go to yours, or make one in an empty folder with agnes init");
  return {workspace_folder()};
}

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
  if (!has_server())
    throw Failure(Cause::failed, "no server is set up", "agnes init --server-url URL --token -");
  const auto workspace = workspace_here();
  const std::string server = server_url();
  if (args.flag("dry-run")) {
    const auto plan = plan_push(workspace, server);
    if (args.json())
      print_json(json::to_json(plan));
    else
      show_plan(plan);
    return;
  }
  const auto token = stored_token(server);
  if (!token)
    throw Failure(Cause::not_signed_in, "not signed in to " + escape_control(server),
                  "agnes auth login, or agnes auth import-token --token -");
  // At the end of a session the agent ends its hooks, and what they began.
  if (args.flag("quiet")) ::setsid();
  Api api(server, token->text);
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
