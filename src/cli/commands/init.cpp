#include "cli/agent_files.h"
#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/guide.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "cli/sign_in.h"
#include "lib/base/env.h"
#include "lib/base/text.h"
#include "lib/base/time.h"

namespace agnes::cli {

namespace {
Workspace chosen_workspace(const Args& args) {
  const auto folder = args.find("workspace");
  if (!folder) return {fs::current_path()};
  std::error_code error;
  const fs::path path = fs::weakly_canonical(*folder, error);
  return {error ? fs::absolute(*folder) : path};
}

// A workspace has files of its own; these folders belong to everything else, too.
void refuse_common_folders(const fs::path& root) {
  std::error_code ignored;
  for (const fs::path& common :
       {fs::path("/"), fs::path(env_or("HOME", "/")), fs::temp_directory_path(ignored)})
    if (fs::equivalent(root, common, ignored))
      throw Failure(Cause::usage, fmt::format("{} is no place for a workspace", root.string()),
                    "make a folder, and run agnes init there");
}

// Whether the token works, before anything is written. The cheapest route that every user may call.
void check_token(Api& api) {
  const Response response = api.get("/api/catalog/tables");
  if (response.status == 401 && !is_deactivated(response))
    throw Failure(Cause::not_signed_in,
                  fmt::format("{} does not accept the token: it is wrong, expired or revoked", api.server()),
                  "agnes auth login gets another");
  expect(response, {200}, fmt::format("use {}", api.server()));
}

// The server's part goes between its marks. A CLAUDE.md without them may be the user's own words: it is kept beside.
void write_guide(Api& api, const Workspace& workspace) {
  const auto before = read_file(workspace.guide());
  if (before && !before->empty() && !is_marked_guide(*before)) {
    std::string time = format_iso(Timestamp{seconds(now()) * 1'000'000});
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    const fs::path kept = workspace.guide().string() + ".bak." + time + "Z";
    replace_file(kept, *before);
    note("The CLAUDE.md from before is kept as {}", kept.filename().string());
  }
  replace_file(workspace.guide(), marked_guide(before.value_or(""), fetch_guide(api)));
}

// Whoever has a workspace needs no guide to one. A server that does not take it is no reason to fail.
void note_onboarded(Api& api) {
  try {
    api.post("/api/me/onboarded", boost::json::object{{"onboarded", true}, {"source", "agnes_init"}});
  } catch (const Error&) {
    return;
  }
}

struct Made {
  std::string workspace, server;
  PullResult pull;
};
BOOST_DESCRIBE_STRUCT(Made, (), (workspace, server, pull))

Made run(const Args& args) {
  const Workspace workspace = chosen_workspace(args);
  refuse_common_folders(workspace.root);
  refuse_links(workspace.root);
  if (!args.flag("force")) {
    if (fs::exists(workspace.complete_mark()))
      throw Failure(Cause::failed, fmt::format("{} is a workspace already", workspace.root.string()),
                    "agnes pull brings its data up to date, agnes init --force makes it anew");
    if (const auto guide = read_file(workspace.guide()); guide && is_marked_guide(*guide))
      note("An earlier agnes init was interrupted here: going on where it stopped.");
  }

  const std::string server = http_client::normalize_server(args.find("server-url").value_or(server_url()));
  const Token token = token_for_workspace(server, args.find("token"), workspace.root);
  Api api(server, token.text);
  check_token(api);
  save_server(api.server());
  save_token(api.server(), token);

  fs::create_directories(workspace.root);
  write_guide(api, workspace);
  if (const std::string warning = install_hooks(workspace); !warning.empty()) note("Note: {}", warning);
  install_notes(workspace);

  const InterruptGuard guard;
  PullResult result =
      pull(api, workspace,
           {.dry_run = false,
            .skip_materialize = args.flag("skip-materialize"),
            .progress = args.json() ? Progress::Style::none : Progress::style_for_terminal()});
  if (result.interrupted) {
    note("Interrupted: run agnes init again to go on.");
    throw Exit{Cause::interrupted};
  }
  if (const auto* problem = manifest_problem(result))
    throw Failure(problem->kind,
                  "the workspace is half made, because its data cannot be fetched: " + problem->error,
                  "run agnes init again");

  replace_file(workspace.root / "AGNES_WORKSPACE.md", workspace_guide(workspace, api.server()));
  replace_file(workspace.complete_mark(),
               fmt::format("completed_at: {}\nagnes_version: " AGNES_VERSION "\nserver_url: {}\n",
                           format_iso_utc(now()), api.server()));
  note_onboarded(api);
  return {workspace.root.string(), api.server(), std::move(result)};
}

void show(const Made& made, const Args& args) {
  print("The workspace is ready: {}", made.workspace);
  print("  Server: {}", made.server);
  print("  Tables: {} here, {} of them fetched now{}", made.pull.parquets_total, made.pull.tables_updated,
        args.flag("skip-materialize") ? "; materialized ones come with agnes pull" : "");
  print("  Rules:  {}", made.pull.rules_count);
  print("Next: agnes catalog");
}

void tell_problems(const Made& made) {
  say_problems(made.pull);
  const auto& errors = made.pull.errors;
  if (std::any_of(errors.begin(), errors.end(), [](const PullProblem& problem) { return problem.table; }))
    throw Failure(Cause::partly_failed, "some tables could not be fetched", "run agnes pull to try again");
}
}  // namespace

Command init_command() {
  return {
      .name = "init",
      .help = "Make this folder a workspace: sign in, fetch the data, set up the agent",
      .options =
          {{.names = "--server-url",
            .value = "URL",
            .help = "The server's address; the one that you signed in to when missing",
            .environment = "AGNES_SERVER"},
           {.names = "--token",
            .value = "TOKEN",
            .help =
                "A personal access token; - reads it from standard input, where other users do not see it. "
                "Without it, init makes one, and asks you to sign in where you have not",
            .environment = "AGNES_TOKEN"},
           {.names = "--force", .value = "", .help = "Make an existing workspace anew; notes and data stay"},
           {.names = "--workspace", .value = "FOLDER", .help = "Which folder, instead of this one"},
           {.names = "--skip-materialize",
            .value = "",
            .help = "Leave materialized tables, often large, for a later agnes pull"}},
      .run = answers(run, show, tell_problems),
      .example = "  agnes init --server-url https://agnes.example.com --token -\n"};
}

}  // namespace agnes::cli
