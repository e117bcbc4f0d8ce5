#include "cli/agent_files.h"

#include <boost/json.hpp>

#include "cli/json_text.h"
#include "lib/base/text.h"
#include "lib/base/time.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
// A hook with one of these in every command is ours ("da sync" was its name in early versions).
constexpr std::string_view kOurs[] = {
    "agnes self-upgrade",    "agnes pull",         "agnes push",       "agnes refresh-marketplace",
    "agnes capture-session", "agnes mark-private", "agnes statusline", "da sync"};

// Through bash, because on Windows no shell reads the line. A hook must not fail a session: it ends well.
const std::vector<std::string_view> kAtStart{R"(bash -c "agnes capture-session 2>/dev/null || true")",
                                             R"(bash -c "agnes self-upgrade --quiet 2>/dev/null || true; )"
                                             R"(agnes pull --quiet 2>/dev/null || true")"};
// The agent ends its hooks with the session: a push takes longer, and goes on by itself.
const std::vector<std::string_view> kAtEnd{
    R"(bash -c "( nohup agnes push --quiet </dev/null >/dev/null 2>&1 & ) ; true")"};

constexpr std::string_view kGuideBegin =
    "<!-- From here to the next such line: written by agnes, renewed by agnes pull. What you write elsewhere "
    "stays. -->\n";
constexpr std::string_view kGuideEnd = "<!-- Agnes ends here. -->\n";

bool is_ours(std::string_view command) {
  return std::any_of(std::begin(kOurs), std::end(kOurs),
                     [&](std::string_view mark) { return command.find(mark) != command.npos; });
}
bool is_our_entry(const json::value& entry) {
  const auto* hooks = entry.is_object() ? entry.get_object().if_contains("hooks") : nullptr;
  if (hooks == nullptr || !hooks->is_array() || hooks->get_array().empty()) return false;
  const auto& list = hooks->get_array();
  return std::all_of(list.begin(), list.end(), [](const json::value& hook) {
    return hook.is_object() && is_ours(plain(hook.get_object(), "command"));
  });
}

// Takes Agnes's entries of an event away and puts one for each of `commands` there.
bool replace_entries(json::object& hooks, const char* event, const std::vector<std::string_view>& commands) {
  json::value& slot = hooks[event];
  if (slot.is_null()) slot = json::array{};
  if (!slot.is_array()) return false;
  auto& entries = slot.get_array();
  for (auto entry = entries.begin(); entry != entries.end();)
    entry = is_our_entry(*entry) ? entries.erase(entry) : entry + 1;
  for (const auto command : commands)
    entries.push_back(
        json::object{{"hooks", json::array{json::object{{"type", "command"}, {"command", command}}}}});
  return true;
}

// What `/agnes-private` does in a session.
constexpr const char* kPrivateCommand = R"(---
description: Keep this session from being uploaded to Agnes
---

!`agnes mark-private`

Tell the user in one sentence what the line above says.
)";

void write_if_changed(const fs::path& file, const std::string& text) {
  if (read_file(file) != text) replace_file(file, text);
}
}  // namespace

std::string install_hooks(const Workspace& workspace) {
  const fs::path file = workspace.agent_settings();
  const std::string left = fmt::format("{} was left as it is", file.string());
  json::value settings;
  if (const auto text = read_file(file)) {
    boost::system::error_code error;
    settings = json::parse(*text, error);
    if (error || !settings.is_object()) return left + ": it is not a JSON object, so no hooks were added";
  } else {
    settings = json::object{};
  }
  auto& object = settings.get_object();
  json::value& hooks = object["hooks"];
  if (hooks.is_null()) hooks = json::object{};
  if (!hooks.is_object() || !replace_entries(hooks.get_object(), "SessionStart", kAtStart) ||
      !replace_entries(hooks.get_object(), "SessionEnd", kAtEnd))
    return left + ": its hooks have an unknown form";

  std::string warning;
  const auto* line = object.if_contains("statusLine");
  if (line == nullptr || line->is_null() || (line->is_string() && line->get_string().empty())) {
    object["statusLine"] = json::object{{"type", "command"}, {"command", "agnes statusline"}};
  } else if (!line->is_object() ||
             plain(line->get_object(), "command").find("agnes statusline") == std::string::npos) {
    warning = "your own status line stays; add `agnes statusline` to it to see when a session is private";
  }
  const auto commands = file.parent_path() / "commands";
  fs::create_directories(commands);
  write_if_changed(file, pretty(settings) + "\n");
  write_if_changed(commands / "agnes-private.md", kPrivateCommand);
  return warning;
}

bool has_hook(const Workspace& workspace) {
  const auto text = read_file(workspace.agent_settings());
  boost::system::error_code error;
  const auto settings = json::parse(text.value_or(""), error);
  if (error) return false;
  const auto* entries = settings.find_pointer("/hooks/SessionStart", error);
  return entries != nullptr && entries->is_array() &&
         std::any_of(entries->get_array().begin(), entries->get_array().end(), is_our_entry);
}

void install_notes(const Workspace& workspace) {
  const fs::path file = workspace.root / ".claude" / "CLAUDE.local.md";
  if (fs::exists(file)) return;
  fs::create_directories(file.parent_path());
  replace_file(file, "# Notes of mine\n\nWhat I want the agent to know in this workspace.\n");
}

std::string marked_guide(const std::string& before, const std::string& text) {
  // With marks of its own the server's text would leave its place.
  std::string inside = text + (text.ends_with('\n') ? "" : "\n");
  for (const auto mark : {kGuideBegin, kGuideEnd})
    inside = replaced(std::move(inside), std::string(trim(mark)), "");
  const std::string ours = std::string(kGuideBegin) + inside + std::string(kGuideEnd);
  const auto begin = before.find(kGuideBegin);
  const auto end = begin == before.npos ? begin : before.find(kGuideEnd, begin);
  if (end == before.npos) return ours;
  return before.substr(0, begin) + ours + before.substr(end + kGuideEnd.size());
}
bool is_marked_guide(const std::string& text) {
  const auto begin = text.find(kGuideBegin);
  return begin != text.npos && text.find(kGuideEnd, begin) != text.npos;
}

std::string workspace_guide(const Workspace& workspace, const std::string& server) {
  return fmt::format(R"(# This folder is an Agnes workspace

| | |
|---|---|
| Made | {} |
| Server | {} |
| Folder | {} |

`agnes init` made it. It holds a copy of the tables that you may see, so that an agent (or you) can query them here, at
full speed and without a network.

## What is where

| Path | What it is |
|---|---|
| `CLAUDE.md` | what the agent reads first; the server's part is renewed by `agnes pull`, what you write beside it stays |
| `.claude/settings.json` | the agent's settings, with hooks: `agnes pull` when a session starts, `agnes push` when it ends |
| `.claude/CLAUDE.local.md` | your own notes |
| `.claude/rules/km_*.md` | knowledge of your company that every session gets; the server's, do not edit |
| `server/parquet/*.parquet` | the tables |
| `user/duckdb/analytics.duckdb` | a DuckDB database with a view over each of them; tables that you make in it stay |
| `~/.config/agnes/` | the server's address and your token |

## Every day

```bash
agnes catalog                        # which tables there are
agnes describe orders                # columns and some rows of one
agnes query "SELECT count(*) FROM orders"
agnes query --remote "SELECT ..."    # run on the server, for tables that are too large to copy
agnes pull                           # fetch what changed; a hook does it at the start of each session
agnes status                         # what is here, and from when
```

## Starting over, and ending

`agnes init --force` writes the files anew and keeps your notes and data. To be rid of Agnes, delete this folder and
`~/.config/agnes/`.
)",
                     format_iso_utc(now()), server, workspace.root.string());
}

std::string plain_guide(const std::string& server) {
  return fmt::format(R"(# Agnes: {}

Data of {} is in this folder. Answer questions about it with SQL.

- `agnes catalog` lists the tables, `agnes describe TABLE` shows one. Look before you query: do not guess columns.
- `agnes query "SELECT ..."` runs DuckDB SQL on the local copy. Aggregate in SQL; do not print whole tables.
- Tables whose mode is `remote` are not here: `agnes query --remote "SELECT ..."`.
- `agnes pull` fetches what changed. Say from when the data is (`agnes status`) when it matters.
)",
                     kGuideMark, server);
}

}  // namespace agnes::cli
