#include <boost/json/parse.hpp>

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/private_sessions.h"
#include "cli/transcripts.h"
#include "lib/base/text.h"
#include "lib/base/time.h"

namespace agnes::cli {

namespace {

constexpr std::uint64_t kLargestLog = 256u << 10;

struct Captured {
  std::string outcome;  // as the contract's client logs it: ok, private_skip, empty_stdin, ...
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(Captured, (), (outcome, detail))

Captured capture(const fs::path& root) {
  const std::string input = read_input();
  if (trim(input).empty()) return {"empty_stdin", ""};
  boost::system::error_code error;
  const auto value = boost::json::parse(input, error);
  if (error) return {"bad_json", error.message()};
  if (!value.is_object()) return {"not_object", ""};
  const auto* path = value.get_object().if_contains("transcript_path");
  if (path == nullptr || !path->is_string() || path->get_string().empty()) return {"no_transcript_path", ""};
  const std::string file(path->get_string());
  const std::string session = plain(value.get_object(), "session_id");
  if (file.find_first_of("\t\n") != file.npos || session.find_first_of("\t\n") != session.npos)
    return {"no_transcript_path", "a name with control characters"};
  if (private_sessions(root).contains(session)) return {"private_skip", session};
  add_to_queue(root, {session, fs::path(file)});
  return {"ok", session.empty() ? "(no-sid)" : session};
}

// For whoever wonders why nothing is uploaded: the command itself says nothing.
void log_outcome(const fs::path& root, const Captured& captured) {
  const auto file = root / ".claude" / "agnes-capture-session.log";
  if (const auto stat = stat_file(file); stat && stat->size > kLargestLog) fs::remove(file);
  append_line(file, fmt::format("{}\t{}\t{}", format_iso_utc(now()), captured.outcome,
                                escape_control(captured.detail.substr(0, 200))));
}

// A hook of every session's start: it neither fails nor makes folders where there is no workspace.
Captured run(const Args&) {
  try {
    const auto root = workspace_folder();
    if (!fs::is_directory(root / ".claude")) return {"no_workspace", root.string()};
    Captured captured;
    try {
      captured = capture(root);
    } catch (const std::exception& error) {
      captured = {"write_error", error.what()};
    }
    log_outcome(root, captured);
    return captured;
  } catch (const std::exception& error) {
    return {"write_error", error.what()};
  }
}

void show(const Captured& captured, const Args& args) {
  if (args.flag("verbose"))
    note("capture-session: {}{}{}", captured.outcome, captured.detail.empty() ? "" : ": ", captured.detail);
}

}  // namespace

Command capture_session_command() {
  return {.name = "capture-session",
          .help = "For the agent's hook: note the session, described on standard input, for agnes push",
          .options = {{.names = "--verbose", .value = "", .help = "Say on standard error what was done"}},
          .run = answers(run, show)};
}

}  // namespace agnes::cli
