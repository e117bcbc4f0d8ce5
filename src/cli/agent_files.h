#pragma once

#include <string>

#include "cli/workspace.h"

// What `agnes init` puts into a workspace for the agent (Claude Code) and for people.
namespace agnes::cli {

// The word by which a guide is known to be Agnes's, as the contract's clients look for it in CLAUDE.md.
inline constexpr std::string_view kGuideMark = "AI Data Analyst";

// Merges Agnes's hooks and status line into .claude/settings.json, and adds the command /agnes-private. Entries of Agnes are replaced, also those
// of earlier versions; everything else stays as it is. Answers a warning for the user, or "": a file that is
// no JSON is left alone, and so is a status line of the user's own.
std::string install_hooks(const Workspace& workspace);

// Whether a session of the agent begins with a pull.
bool has_hook(const Workspace& workspace);

// CLAUDE.local.md for the user's own notes, when missing.
void install_notes(const Workspace& workspace);

// CLAUDE.md with `text` between marks, in place of what was between them; without marks in `before`, `text` alone.
std::string marked_guide(const std::string& before, const std::string& text);
bool is_marked_guide(const std::string& text);

// AGNES_WORKSPACE.md: what all this is, for people.
std::string workspace_guide(const Workspace& workspace, const std::string& server);
// CLAUDE.md for a server that does not write one.
std::string plain_guide(const std::string& server);

}  // namespace agnes::cli
