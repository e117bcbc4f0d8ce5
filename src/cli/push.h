#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/workspace.h"

namespace agnes::cli {

struct PushError {
  std::string file, error;
  std::optional<int> status;  // what the server answered
  static constexpr json::Rule rules[] = {{.field = "status", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(PushError, (), (file, error, status))

// As the contract's client tells it.
struct PushResult {
  std::int64_t sessions = 0;   // uploaded now
  bool local_md = false;       // so were the notes
  std::int64_t unchanged = 0;  // there already
  std::int64_t skipped = 0;    // in the queue without a file
  std::int64_t private_skipped = 0;
  std::int64_t dropped_permanent =
      0;  // refused for what they are: they are not tried again until they change
  std::vector<PushError> errors;
};
BOOST_DESCRIBE_STRUCT(PushResult, (),
                      (sessions, local_md, unchanged, skipped, private_skipped, dropped_permanent, errors))

struct PushPlan {
  struct Private {
    std::string session_id, path;
  };
  struct Uploads {
    std::vector<std::string> sessions;
    std::optional<std::string> local_md;
  };
  struct Summary {
    std::int64_t sessions_count = 0, private_skipped_count = 0;
    bool local_md_present = false;
    std::string uploaded_log;
  };
  bool dry_run = true;
  Uploads would_upload;
  std::vector<Private> would_skip_private;
  Summary summary;
};
BOOST_DESCRIBE_STRUCT(PushPlan::Private, (), (session_id, path))
BOOST_DESCRIBE_STRUCT(PushPlan::Uploads, (), (sessions, local_md))
BOOST_DESCRIBE_STRUCT(PushPlan::Summary, (),
                      (sessions_count, private_skipped_count, local_md_present, uploaded_log))
BOOST_DESCRIBE_STRUCT(PushPlan, (), (dry_run, would_upload, would_skip_private, summary))

// What `push` would do. Asks no server.
PushPlan plan_push(const Workspace& workspace, const std::string& server);

// Uploads the transcripts of the workspace's sessions that the server has not, or has shorter, and .claude/CLAUDE.local.md when it has
// changed; without what looks like a secret. One file is in memory at a time. What has arrived is noted after each, so that
// a push that is ended at any point is gone on with by the next one. The first answer that would be the same for all (no
// connection, 401, 5xx) ends it, and nothing is forgotten. Nothing at all when another push is at work in the workspace.
std::optional<PushResult> push(Api& api, const Workspace& workspace);

}  // namespace agnes::cli
