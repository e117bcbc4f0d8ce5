#include "cli/app.h"

#include <csignal>

#include "cli/commands/commands.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/parser.h"

namespace agnes::cli {

int run(const std::vector<std::string>& args) {
  // A closed pipe is an error of the write that meets it, also inside libcurl.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file that may not grow
  set_json_output(std::find(args.begin(), std::find(args.begin(), args.end(), "--"), "--json") != args.end());
  std::string command;
  int code = 0;
  const auto fail = [&](const std::exception& error) {
    say_error(error);
    code = exit_code(cause_of(error), command);
  };
  try {
    // The session hooks ask for the version often: without making all commands first.
    if (args.size() == 1 && (args[0] == "--version" || args[0] == "-V"))
      out("agnes " AGNES_VERSION "\n");
    else
      parse_and_run(main_command(), args, command);
  } catch (const Exit& exit) {
    code = exit_code(exit.cause, command);
  } catch (const std::exception& error) {
    fail(error);
  }
  try {
    flush_out();
  } catch (const std::exception& error) {
    fail(error);
  }
  return code;
}

}  // namespace agnes::cli
