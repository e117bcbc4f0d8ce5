#include "cli/here.h"

#include "cli/outcome.h"
#include "lib/base/text.h"

namespace agnes::cli {

Here find_here() {
  Here out{server_url(), {}};
  if (!has_server())
    throw Failure(Cause::failed, "no server is set up", "agnes init --server-url URL --token -");
  if (!find_workspace())
    throw Failure(Cause::failed, "no workspace here or in a folder above",
                  "go to yours, or make one in an empty folder with agnes init");
  out.workspace.root = workspace_folder();
  // The tables of another server would stay beside the present ones and never change again, and what was said about those is
  // nothing for that server.
  const auto made_for = workspace_server(out.workspace.root);
  if (made_for && *made_for != out.server)
    throw Failure(
        Cause::failed,
        fmt::format("{} is a workspace of {}, not of {}", out.workspace.root.string(),
                    escape_control(*made_for), escape_control(out.server)),
        fmt::format("agnes init --force --server-url {} moves it there", escape_control(out.server)));
  return out;
}

Token signed_in_to(const std::string& server) {
  if (auto token = stored_token(server)) return std::move(*token);
  throw Failure(Cause::not_signed_in, "not signed in to " + escape_control(server),
                "agnes auth login, or agnes auth import-token --token -");
}

}  // namespace agnes::cli
