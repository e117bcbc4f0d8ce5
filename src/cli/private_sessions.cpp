#include "cli/private_sessions.h"

#include "cli/outcome.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
fs::path list_file(const fs::path& root) {
  return root / ".claude" / "agnes-sessions-private.txt";
}
}  // namespace

std::set<std::string> private_sessions(const fs::path& root) {
  std::set<std::string> out;
  if (const auto list = read_file(list_file(root)))
    for (const auto& line : split(*list, '\n'))
      if (const auto id = trim(line); !id.empty()) out.emplace(id);
  return out;
}

bool make_private(const fs::path& root, const std::string& session) {
  if (session.empty() || session.size() > 200 || escape_control(session) != session ||
      session.find_first_of("/\\ ") != session.npos)
    throw Failure(Cause::usage, "CLAUDE_CODE_SESSION_ID is no id of a session");
  if (private_sessions(root).contains(session)) return false;
  const auto file = list_file(root);
  fs::create_directories(file.parent_path());
  const auto before = read_file(file).value_or("");
  const bool whole = before.empty() || before.ends_with('\n');
  replace_file(file, before + (whole ? "" : "\n") + session + "\n");
  return true;
}

}  // namespace agnes::cli
