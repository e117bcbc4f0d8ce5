#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

// The server's program writes its database; this one knows nothing of it.
void grant_admin(const Args& args) {
  const std::string email = args.text("EMAIL");
  flush_out();
  std::error_code error;
  const auto server = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "agnes-server";
  const std::string program = server.string(), option = "--grant-admin=" + email;
  ::execl(program.c_str(), program.c_str(), option.c_str(), static_cast<char*>(nullptr));
  throw Failure(
      1, fmt::format("cannot run {}: {}; this command belongs on the server's machine, beside agnes-server",
                     program, std::strerror(errno)));
}

}  // namespace

std::vector<Command> admin_break_glass_commands() {
  return {{.name = "break-glass",
           .help = "The way back in, on the server's machine, with the server down",
           .commands = {{.name = "grant-admin",
                         .help = "Make somebody an admin in the data directory itself (DATA_DIR)",
                         .arguments = {{.name = "EMAIL", .help = "Their address; a missing account is made"}},
                         .run = grant_admin,
                         .example = "  DATA_DIR=/data agnes admin break-glass grant-admin ana@example.com\n",
                         .question = "Make {EMAIL} an admin, past the server?"}}}};
}

}  // namespace agnes::cli
