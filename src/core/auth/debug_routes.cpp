#include <algorithm>

#include <fmt/format.h>

#include "core/auth/google_directory.h"
#include "core/auth/google_groups.h"
#include "core/auth/pages.h"
#include "core/auth/routes.h"
#include "core/auth/settings.h"
#include "core/auth/sign_in.h"
#include "core/identity/views.h"
#include "lib/base/hash.h"
#include "lib/base/html.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/jose/jwt.h"

namespace agnes::auth {

namespace {

using http::Auth;
using http::Request;

constexpr identity::Rate kRefetches{5, 60};  // of one account: each asks Google

struct Refetched {
  bool soft_failed = true;
  std::optional<std::string> prefix;
  std::vector<std::string> fetched, fetched_relevant, current_names, current_external_ids, would_add,
      would_remove;
  bool applied = false;
};
BOOST_DESCRIBE_STRUCT(Refetched, (),
                      (soft_failed, prefix, fetched, fetched_relevant, current_names, current_external_ids,
                       would_add, would_remove, applied))

using Cells = std::vector<std::string>;

std::string table(const Cells& head, const std::vector<Cells>& rows) {
  if (rows.empty()) return "<p>none</p>\n";
  const auto line = [](const Cells& cells, const char* tag) {
    std::string out = "<tr>";
    for (const auto& cell : cells) out += fmt::format("<{0}>{1}</{0}>", tag, escape_html(cell));
    return out + "</tr>\n";
  };
  std::string out = "<table>\n";
  if (!head.empty()) out += line(head, "th");
  for (const auto& row : rows) out += line(row, "td");
  return out + "</table>\n";
}

// Of the browser's session only; the token itself is not shown, but enough of its hash to find it in a log.
std::vector<Cells> session_rows(const identity::Identity& identity, const Request& request) {
  const auto token = request.cookie("access_token");
  if (token.empty()) return {};
  std::vector<Cells> rows{{"fingerprint", sha256_hex(token).substr(0, 12)}};
  const auto claims = jose::verify_jwt(token, identity.settings().jwt_secret, seconds(now()));
  if (!claims) return rows;
  rows.push_back({"sub", claims->sub});
  rows.push_back({"email", claims->email});
  rows.push_back({"typ", claims->typ});
  rows.push_back({"jti", claims->jti});
  rows.push_back({"iat", format_iso_utc({claims->iat * 1'000'000})});
  if (claims->exp) rows.push_back({"exp", format_iso_utc({*claims->exp * 1'000'000})});
  if (claims->scope) rows.push_back({"scope", *claims->scope});
  return rows;
}

http::Response debug_page(identity::Identity& identity, const Request& request, const Caller& caller,
                          const std::string& prefix) {
  std::vector<Cells> account{{"id", caller.user_id}, {"email", caller.email}}, groups, grants;
  std::size_t synced = 0;
  identity.directory().read([&](const identity::Tables& tables) {
    if (const auto* user = tables.user(caller.user_id)) {
      account.push_back({"name", user->name.value_or("")});
      account.push_back({"active", user->active ? "yes" : "no"});
      account.push_back({"created", identity::shown(user->created_at).value_or("")});
    }
    for (const auto* member : tables.memberships_of(caller.user_id)) {
      const auto& group = *tables.group(member->group_id);
      synced += member->source == "google_sync";
      groups.push_back({group.name, member->source, identity::shown(member->added_at).value_or(""),
                        member->added_by.value_or("")});
    }
    for (const auto& item : identity::effective_access(tables, caller.user_id).items) {
      std::vector<std::string> via;
      for (const auto& group : item.via_groups) via.push_back(group.group_name);
      grants.push_back({item.resource_type, item.resource_id, join(via, ", ")});
    }
  });
  account.push_back({"admin", caller.is_admin ? "yes" : "no"});
  return small_page(
      "Your session",
      fmt::format(
          "<h2>Account</h2>\n{}<h2>Session of this browser</h2>\n{}<h2>Groups</h2>\n{}<h2>Grants</h2>\n{}"
          "<h2>Directory</h2>\n{}",
          table({}, account), table({}, session_rows(identity, request)),
          table({"group", "source", "since", "by"}, groups), table({"type", "id", "through"}, grants),
          table({}, {{"memberships from the directory", std::to_string(synced)},
                     {"AGNES_GOOGLE_GROUP_PREFIX", prefix}})));
}

// What the next sign-in would make of the caller's groups. Nothing is changed.
Refetched refetch(identity::Identity& identity, google::AdminDirectory* directory,
                  const google::GroupRules& rules, const Caller& caller) {
  Refetched out;
  if (!rules.prefix.empty()) out.prefix = rules.prefix;
  try {
    // Without a service account the directory shows somebody's groups only with the leave that they give
    // while they sign in, which is not kept.
    if (directory != nullptr) {
      out.fetched = directory->groups_of(caller.email);
      out.soft_failed = false;
    }
  } catch (const Error& error) {
    log::warn("the Google groups of {} cannot be read: {}", caller.email, error.what());
  }
  out.fetched_relevant = google::relevant_groups(out.fetched, rules);
  identity.directory().read([&](const identity::Tables& tables) {
    for (const auto* member : tables.memberships_of(caller.user_id)) {
      if (member->source != "google_sync") continue;
      const auto& group = *tables.group(member->group_id);
      out.current_names.push_back(group.name);
      // A group of the directory has its address as its name.
      if (!group.is_system) out.current_external_ids.push_back(to_lower(group.name));
    }
    const auto* user = tables.user(caller.user_id);
    if (out.soft_failed || user == nullptr) return;
    auto change = google::preview(tables, *user, out.fetched_relevant, rules);
    out.would_add = std::move(change.joined);
    out.would_remove = std::move(change.left);
  });
  std::sort(out.current_names.begin(), out.current_names.end());
  std::sort(out.current_external_ids.begin(), out.current_external_ids.end());
  return out;
}

}  // namespace

void add_debug_routes(http::Routes& routes, identity::Identity& identity, const config::Config& config) {
  const bool off = !config.get<LoginSettings>().debug;
  const auto rules = google::group_rules(config.get<identity::GroupSettings>());
  routes.get("/me/debug",
             {.auth = Auth::user,
              .tag = "me",
              .summary = "What the server knows of your session; only with AGNES_DEBUG_AUTH",
              .page = true,
              .off = off,
              .answer_type = "text/html"},
             [&identity, prefix = rules.prefix](const Caller& caller, const Request& request) {
               return debug_page(identity, request, caller, prefix);
             });
  routes.post("/me/debug/refetch-groups",
              {.auth = Auth::user,
               .tag = "me",
               .summary = "Your groups in the company's directory, and what your next sign-in would change; "
                          "only with AGNES_DEBUG_AUTH",
               .off = off,
               .answer = http::schema_of<Refetched>},
              [&identity, rules,
               directory = off ? nullptr : google::make_directory(config.get<GoogleSignInSettings>())](
                  const Caller& caller, const Request& request) {
                if (auto busy = over_limit(identity, request, "refetch " + caller.user_id, kRefetches))
                  return std::move(*busy);
                return http::Response::json(json::to_json(refetch(identity, directory.get(), rules, caller)));
              });
}

}  // namespace agnes::auth
