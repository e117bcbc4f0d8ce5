#include <boost/json/parse.hpp>

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/private_sessions.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {

struct StatusLine {
  std::string text;  // empty: nothing to show
};
BOOST_DESCRIBE_STRUCT(StatusLine, (), (text))

// Run at every redraw of the agent's prompt, in any folder: whatever is amiss, nothing is said and nothing
// made.
StatusLine status_line(const Args&) {
  const std::string input = read_input();
  boost::system::error_code error;
  const auto session = json::parse(input, error);
  if (error || !session.is_object()) return {};
  const std::string id = plain(session.get_object(), "session_id");
  if (id.empty()) return {};
  try {
    if (private_sessions(workspace_folder()).contains(id)) return {"\xF0\x9F\x94\x92 agnes-private"};
  } catch (const Error&) {
    return {};
  }
  return {};
}

void show(const StatusLine& line) {
  if (!line.text.empty()) print("{}", line.text);
}

}  // namespace

Command statusline_command() {
  return {.name = "statusline",
          .help = "For the agent's status line: whether its session, described on standard input, is private",
          .run = answers(status_line, show)};
}

}  // namespace agnes::cli
