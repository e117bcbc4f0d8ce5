#include "cli/guide.h"

#include "cli/agent_files.h"
#include "cli/json_text.h"
#include "cli/output.h"

namespace agnes::cli {

std::string fetch_guide(Api& api) {
  const Response response = api.get("/api/welcome", {{"server_url", api.server()}});
  if (response.status == 404) return plain_guide(api.server());
  expect(response, {200}, "fetch CLAUDE.md");
  const auto answer = response.json();
  if (!answer.is_object())
    throw Failure(Cause::server_fault, "cannot fetch CLAUDE.md: the server's answer has no text");
  return plain(answer.get_object(), "content");
}

void renew_guide(Api& api, const Workspace& workspace) {
  const auto before = read_file(workspace.guide());
  if (!before || !is_marked_guide(*before)) return;
  try {
    const std::string after = marked_guide(*before, fetch_guide(api));
    if (after != *before) replace_file(workspace.guide(), after);
  } catch (const Error& error) {
    note("Warning: {} was not renewed: {}", workspace.guide().string(), error.what());
  }
}

}  // namespace agnes::cli
