#include "cli/app.h"

#include <csignal>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/parser.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
int fail(int code, const std::string& message) {
  // Several lines only where the message was made of several: an SQL error with its place.
  note("Error: {}", message);
  return code;
}
}  // namespace

int run(const std::vector<std::string>& args) {
  // A closed pipe is an error of the write that meets it, also inside libcurl.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file that may not grow
  int code = 0;
  try {
    // The session hooks ask for the version often: without making all commands first.
    if (args.size() == 1 && (args[0] == "--version" || args[0] == "-V"))
      out("agnes " AGNES_VERSION "\n");
    else
      parse_and_run(main_command(), args);
  } catch (const Exit& exit) {
    code = exit.code;
  } catch (const Failure& error) {
    code = fail(error.exit_code(), error.what());
  } catch (const std::exception& error) {
    code = fail(1, error.what());
  }
  try {
    flush_out();
  } catch (const std::exception& error) {
    code = fail(1, error.what());
  }
  return code;
}

}  // namespace agnes::cli
