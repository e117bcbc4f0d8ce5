#include <cerrno>
#include <filesystem>

#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

constexpr int kNoProgram = 127;

// The server's program writes its database; this one knows nothing of it.
Done grant_admin(const Args& args) {
  const std::string email = args.text("EMAIL");
  flush_out();
  std::error_code error;
  const auto server = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "agnes-server";
  const std::string program = server.string(), option = "--grant-admin=" + email;
  const pid_t child = ::fork();
  if (child == 0) {
    // What it says is for people.
    if (args.json()) ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::execl(program.c_str(), program.c_str(), option.c_str(), static_cast<char*>(nullptr));
    ::_exit(errno == ENOENT ? kNoProgram : 1);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == kNoProgram))
    throw Failure(Cause::failed, fmt::format("cannot run {}", program),
                  "this command belongs on the server's machine, beside agnes-server");
  if (status != 0) throw Exit{Cause::failed};
  return {"granted", "admin", email, {}};
}

}  // namespace

std::vector<Command> admin_break_glass_commands() {
  return {{.name = "break-glass",
           .help = "The way back in, on the server's machine, with the server down",
           .commands = {{.name = "grant-admin",
                         .help = "Make somebody an admin in the data directory itself (DATA_DIR)",
                         .arguments = {{.name = "EMAIL", .help = "Their address; a missing account is made"}},
                         .run = answers(grant_admin, [](const Done&) {}),
                         .example = "  DATA_DIR=/data agnes admin break-glass grant-admin ana@example.com\n",
                         .question = "Make {EMAIL} an admin, past the server?"}}}};
}

}  // namespace agnes::cli
