#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/private_sessions.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

struct Marked {
  std::string session;
  bool changed = false;  // false: it was private before
};
BOOST_DESCRIBE_STRUCT(Marked, (), (session, changed))

Marked run(const Args&) {
  const auto session = env("CLAUDE_CODE_SESSION_ID");
  if (!session)
    throw Failure(Cause::failed, "no session to mark: CLAUDE_CODE_SESSION_ID is not set",
                  "type /agnes-private in the agent's session");
  const std::string id(trim(*session));
  return {id, make_private(workspace_folder(), id)};
}

void show(const Marked& marked) {
  if (marked.changed)
    print(
        "The session {} is private: agnes push leaves it alone from now on. What was uploaded of it before "
        "stays on the server.",
        escape_control(marked.session));
  else
    print("The session {} is private already.", escape_control(marked.session));
}

}  // namespace

Command mark_private_command() {
  return {.name = "mark-private",
          .help = "Keep the agent's session in which this runs from being uploaded",
          .run = answers(run, show)};
}

}  // namespace agnes::cli
