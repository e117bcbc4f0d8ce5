#include "access/google_groups.h"

#include <algorithm>
#include <set>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "access/actor.h"
#include "access/oidc_provider.h"
#include "access/users.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "duck/rows.h"
#include "state/seed.h"

namespace agnes::access::google {

namespace {

namespace js = boost::json;

constexpr std::size_t kLargestPage = 8 << 20;
constexpr int kMostPages = 50;
constexpr const char* kPageSize = "1000";  // the most that the API takes
constexpr std::string_view kSource = "google_sync";
constexpr std::string_view kBy = "system:google-sync";  // the contract's mark of groups that belong to Google

struct Plugin {
  std::string marketplace_id, name;
};
BOOST_DESCRIBE_STRUCT(Plugin, (), (marketplace_id, name))

// What a sign-in changes.
struct Change {
  std::vector<Group> made;
  std::vector<Grant> granted;
  std::vector<Member> added;
  std::vector<std::string> left;  // ids of groups
  bool empty() const { return made.empty() && added.empty() && left.empty(); }
};

Change change_for(const Tables& tables, const User& user, const std::vector<std::string>& groups,
                  const GroupRules& rules) {
  Change change;
  std::set<std::string> wanted;
  for (const auto& email : groups) {
    std::string name = email;
    if (email == rules.admin_email) name = state::kAdminGroup;
    if (email == rules.everyone_email) name = state::kEveryoneGroup;
    if (const auto* group = tables.group_by_name(name)) {
      wanted.insert(group->id);
      continue;
    }
    if (name != email) continue;
    auto id = uuid4();
    std::erase(id, '-');
    wanted.insert(id);
    change.made.push_back({id, name, "Kept by Google Workspace", false, now(), std::string(kBy)});
  }
  for (const auto* member : tables.memberships_of(user.id))
    if (member->source == kSource && wanted.count(member->group_id) == 0)
      change.left.push_back(member->group_id);
  for (const auto& id : wanted)
    if (tables.member(user.id, id) == nullptr)
      change.added.push_back({user.id, id, std::string(kSource), now(), std::string(kBy)});
  return change;
}

js::array as_array(const std::vector<std::string>& texts) {
  js::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

}  // namespace

std::vector<std::string> read_groups(const std::string& api, const std::string& access_token,
                                     const std::string& email) {
  // It goes into the API's query language between quotes, of which an address may hold one.
  std::string quoted;
  for (const char c : email) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  const auto query = fmt::format(
      "member_key_id == '{}' && 'cloudidentity.googleapis.com/groups.discussion_forum' in labels", quoted);
  std::set<std::string> groups;
  std::string page_token;
  for (int page = 0;; ++page) {
    if (page == kMostPages) throw Error(ErrorKind::bad_gateway, "the list of groups does not end");
    http_client::Params params{{"query", query}, {"pageSize", kPageSize}};
    if (!page_token.empty()) params.emplace_back("pageToken", page_token);
    http_client::Request request;
    request.headers = {{"Authorization", "Bearer " + access_token}};
    const auto response =
        oidc::call(http_client::with_params(api + "/v1/groups/-/memberships:searchTransitiveGroups", params),
                   std::move(request), kLargestPage);
    if (response.status != 200)
      throw Error(ErrorKind::bad_gateway, fmt::format("the groups API answered {}{}", response.status,
                                                      response.status == 403 ? "; see docs/google.md" : ""));
    boost::system::error_code error;
    const auto answer = js::parse(response.body, error, {}, {.max_depth = 16});
    const auto* object = error ? nullptr : answer.if_object();
    if (object == nullptr) throw Error(ErrorKind::bad_gateway, "the groups API's answer is no JSON object");
    if (const auto* list = object->if_contains("memberships")) {
      if (!list->is_array()) throw Error(ErrorKind::bad_gateway, "the groups API's answer holds no list");
      for (const auto& entry : list->get_array()) {
        const auto* membership = entry.if_object();
        const auto* key = membership != nullptr ? membership->if_contains("groupKey") : nullptr;
        const auto* id = key != nullptr && key->is_object() ? key->get_object().if_contains("id") : nullptr;
        if (id == nullptr || !id->is_string()) continue;
        const auto address = to_lower(std::string_view(id->get_string()));
        // Only addresses: no name that a group of ours could have by chance, such as "Admin".
        if (problem_with_email(address).empty() && !address.ends_with("@googlegroups.com"))
          groups.insert(address);
      }
    }
    const auto* next = object->if_contains("nextPageToken");
    if (next == nullptr || !next->is_string() || next->get_string().empty()) break;
    if (page_token == std::string_view(next->get_string()))
      throw Error(ErrorKind::bad_gateway, "the list of groups does not go on");
    page_token = next->get_string();
  }
  return {groups.begin(), groups.end()};
}

std::vector<std::string> relevant_groups(const std::vector<std::string>& groups, const GroupRules& rules) {
  std::vector<std::string> out;
  std::copy_if(groups.begin(), groups.end(), std::back_inserter(out),
               [&](const std::string& group) { return group.starts_with(rules.prefix); });
  return out;
}

void sync_groups(Directory& directory, const User& user, const std::vector<std::string>& groups,
                 const GroupRules& rules, const std::string& address) {
  // Most sign-ins change nothing, and need no transaction for it.
  if (directory.look([&](const Tables& tables) { return change_for(tables, user, groups, rules).empty(); }))
    return;
  const Actor actor{user.id, user.email, address};
  Change change;
  directory.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    if (tables.user(user.id) == nullptr) return nullptr;  // deleted meanwhile
    change = change_for(tables, user, groups, rules);
    const auto plugins =
        change.made.empty()
            ? std::vector<Plugin>{}
            : duck::rows<Plugin>(c, "SELECT marketplace_id, name FROM marketplace_plugins WHERE is_system");
    for (const auto& group : change.made) {
      c.execute(
          "INSERT INTO user_groups (id, name, description, is_system, created_at, created_by) "
          "VALUES (?, ?, ?, false, ?, ?)",
          group.id, group.name, group.description, group.created_at, group.created_by);
      record(c, actor, "user_group.created", "group:" + group.id,
             {{"name", group.name}, {"source", std::string(kSource)}});
      // System plugins are everybody's.
      for (const auto& plugin : plugins) {
        change.granted.push_back({uuid4(), group.id, "marketplace_plugin",
                                  plugin.marketplace_id + "/" + plugin.name, now(), std::string(kBy)});
        const auto& grant = change.granted.back();
        c.execute(
            "INSERT INTO resource_grants (id, group_id, resource_type, resource_id, assigned_at, "
            "assigned_by) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            grant.id, grant.group_id, grant.resource_type, grant.resource_id, grant.assigned_at,
            grant.assigned_by);
      }
    }
    for (const auto& id : change.left)
      c.execute(
          "DELETE FROM user_group_members WHERE user_id = ? AND group_id = ? AND source = 'google_sync'",
          user.id, id);
    for (const auto& member : change.added)
      c.execute(
          "INSERT INTO user_group_members (user_id, group_id, source, added_at, added_by) VALUES (?, ?, ?, "
          "?, "
          "?)",
          member.user_id, member.group_id, member.source, member.added_at, member.added_by);
    std::vector<std::string> joined;
    for (const auto& member : change.added) joined.push_back(member.group_id);
    record(c, actor, "user_group.google_sync", "user:" + user.id,
           {{"added", as_array(joined)}, {"removed", as_array(change.left)}});
    return [&](Tables& t) {
      for (const auto& group : change.made) t.put(group);
      for (const auto& grant : change.granted) t.put(grant);
      for (const auto& id : change.left) t.erase_member(user.id, id);
      for (const auto& member : change.added) t.put(member);
    };
  });
}

}  // namespace agnes::access::google
