#include "features/client/welcome_routes.h"

#include "core/auth/pages.h"
#include "core/identity/settings.h"
#include "core/sync/settings.h"
#include "features/client/settings.h"

namespace agnes::client {

namespace {

struct WelcomeQuery {
  std::optional<std::string> server_url;
};
BOOST_DESCRIBE_STRUCT(WelcomeQuery, (), (server_url))

struct Welcome {
  std::string content;
};
BOOST_DESCRIBE_STRUCT(Welcome, (), (content))

// Enough to know what there is; a longer list is what `agnes catalog` is for.
constexpr std::size_t kListed = 50;

std::string guide(const std::string& instance, const std::string& interval, const std::string& address,
                  const catalog::VisibleSet& set) {
  std::string tables;
  std::size_t listed = 0;
  for (const auto* table : set.tables) {
    if (!table->registered || listed == kListed) continue;
    tables +=
        fmt::format("- `{}`{}{}\n", table->name, table->description.empty() ? "" : ": ", table->description);
    ++listed;
  }
  if (tables.empty())
    tables = "None yet: an administrator grants them to a group that you are in.\n";
  else if (listed == kListed)
    tables += "- and more: `agnes catalog` lists all\n";
  return fmt::format(R"(# {0}: data workspace

This folder holds a local copy of the tables that you may see, fetched from {1}. New data comes about every {2}.

## How to work with it

1. `agnes catalog` lists the tables, `agnes schema TABLE` their columns, `agnes describe TABLE` some values. Look before you
   query.
2. `agnes query "SELECT ..."` asks the local DuckDB copy; it is quick and needs no network.
3. `agnes query --remote "SELECT ..."` asks the server, for tables that are not copied.
4. `agnes catalog --metrics` lists the agreed metrics; use their SQL instead of your own definition.
5. `agnes pull` fetches what has changed. A table that is missing has not been granted to you.

## Tables

{3})",
                     instance, address, interval, tables);
}

// "15 minutes", "hour": how often data is updated.
std::string interval_of(const config::Config& config) {
  const auto told = config.get<WelcomeSettings>().sync_interval;
  if (!told.empty()) return told;
  const auto minutes = (config.get<sync::SyncSettings>().interval_seconds + 59) / 60;
  const bool hours = minutes % 60 == 0;
  const auto count = hours ? minutes / 60 : minutes;
  const std::string unit = hours ? "hour" : "minute";
  return count == 1 ? unit : fmt::format("{} {}s", count, unit);
}

// Where people come after signing in, as long as there is no more to see in a browser: the way to a workspace.
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
          auth::escape_html(email), auth::escape_html(server)));
}

}  // namespace

void add_welcome_routes(http::Routes& routes, const catalog::Visible& visible, const config::Config& config,
                        const app::PublicAddress& address) {
  routes.get("/api/welcome", {.tag = "workspace", .summary = "The guide for an analyst's workspace"},
             [&visible, address, name = config.get<identity::InstanceSettings>().name,
              interval = interval_of(config)](const http::Caller& caller, const http::Request& request,
                                              const http::Query<WelcomeQuery>& query) {
               return Welcome{guide(name, interval, query->server_url.value_or(address.for_request(request)),
                                    *visible.of(caller))};
             });
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
