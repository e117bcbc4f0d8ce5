#include "features/client/dashboard_routes.h"

#include "core/auth/pages.h"
#include "lib/base/html.h"
#include "lib/base/text.h"

namespace agnes::client {

namespace {

// The way to a workspace.
http::Response dashboard(const std::string& email, const std::string& server) {
  return auth::small_page(
      "You are signed in",
      fmt::format(
          "<p>As {}.</p>\n<p>In a terminal on your machine, this installs the command <code>agnes</code> and "
          "makes the "
          "folder <code>agnes</code> a workspace with the tables that you may see:</p>\n"
          "<p><code>curl -fsSL {}/cli/install.sh | bash -s -- agnes</code></p>\n"
          "<p>Then, in that folder: <code>agnes query \"SELECT ...\"</code>, or start your agent there.</p>\n"
          "<p><a href=\"/auth/logout\">Sign out</a></p>\n",
          escape_html(email), escape_html(server)));
}

}  // namespace

void add_dashboard_routes(http::Routes& routes, const app::PublicAddress& address) {
  routes.get("/dashboard",
             {.auth = http::Auth::user,
              .tag = "workspace",
              .summary = "Where people come after signing in: the way to a workspace",
              .page = true,
              .answer_type = "text/html"},
             [address](const http::Caller& caller, const http::Request& request) {
               return dashboard(caller.email, address.for_request(request));
             });
}

}  // namespace agnes::client
