#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/workspace.h"

// Where Claude Code keeps what was said in its sessions: a file of JSON lines for each session, in
// ~/.claude/projects/<folder of the session, encoded> (CLAUDE_CONFIG_DIR instead of ~/.claude).
namespace agnes::cli {

struct Transcript {
  fs::path file;
  KnownFile stat;           // without a hash
  bool is_certain = false;  // the workspace's, unless its lines say otherwise
};

// What may be a transcript of a session in the workspace or a folder below: by the names of Claude Code's folders, whose
// encoding is not unique; those in user/sessions of the workspace; and those that hooks wrote into the queue. The oldest first.
std::vector<Transcript> find_transcripts(const fs::path& root);

// Whether a transcript may lie there: below Claude Code's projects or user/sessions of the workspace. The queue of a folder that was
// copied or cloned names what its writer likes.
bool is_in_place(const fs::path& root, const fs::path& file);

// What the first lines of a transcript say.
struct TranscriptHead {
  std::set<std::string> sessions;  // its own id; of a sub-agent, that of the session which began it, too
  std::string folder;              // where the session began; empty when it does not say
  bool is_transcript = false;      // JSON objects, a line each
};
TranscriptHead read_head(const fs::path& file);
// Whether it is one, and of a session in the workspace.
bool is_of_workspace(const fs::path& root, const Transcript& transcript, const TranscriptHead& head);

// The queue of the contract's hook: .claude/agnes-sessions.txt, lines of a session's id and its file with a tab between. Written by
// `agnes capture-session`, also while a push reads it.
struct QueuedSession {
  std::string session;
  fs::path file;
  auto operator<=>(const QueuedSession&) const = default;
};
std::vector<QueuedSession> read_queue(const fs::path& root);
void add_to_queue(const fs::path& root, const QueuedSession& session);
// Takes these out; others stay, also those that came meanwhile.
void remove_from_queue(const fs::path& root, const std::set<QueuedSession>& done);

}  // namespace agnes::cli
