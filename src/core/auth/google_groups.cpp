#include "core/auth/google_groups.h"

#include <algorithm>
#include <set>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "core/identity/groups.h"
#include "core/identity/users.h"
#include "core/state/seed.h"
#include "lib/base/error.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"
#include "lib/http_client/call.h"

namespace agnes::auth::google {

namespace {

namespace js = boost::json;

constexpr std::size_t kLargestPage = 8 << 20;
constexpr int kMostPages = 50;
constexpr std::string_view kSource = "google_sync";
constexpr std::string_view kBy = "system:google-sync";  // the contract's mark of groups that belong to Google

// What a sign-in changes.
struct GroupChanges {
  std::vector<identity::Group> made;
  std::vector<identity::Member> added;
  std::vector<std::string> left;  // ids of groups
  bool empty() const { return made.empty() && added.empty() && left.empty(); }
};

GroupChanges change_for(const identity::Tables& tables, const identity::User& user,
                        const std::vector<std::string>& groups, const GroupRules& rules) {
  GroupChanges change;
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

const js::object* object_at(const js::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}
std::string text_at(const js::object* object, std::string_view key) {
  const auto* value = object != nullptr ? object->if_contains(key) : nullptr;
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

// A list in pages, as Google's APIs have it.
struct Listing {
  std::string url;
  http_client::Params params;  // with the largest page that the API takes
  std::string_view list;       // the answer's key of the entries
  std::string (*address)(const js::object& entry);
};

js::object get_page(const Listing& listing, const std::string& access_token, const std::string& page_token) {
  auto params = listing.params;
  if (!page_token.empty()) params.emplace_back("pageToken", page_token);
  http_client::Request request;
  request.headers = {{"Authorization", "Bearer " + access_token}};
  const auto response = http_client::call(http_client::with_params(listing.url, params), std::move(request),
                                          {.largest_answer = kLargestPage});
  if (response.status == 401) throw TokenRefused();
  if (response.status != 200)
    throw Error(ErrorKind::bad_gateway, fmt::format("the groups API answered {}{}", response.status,
                                                    response.status == 403 ? "; see docs/google.md" : ""));
  boost::system::error_code error;
  auto answer = js::parse(response.body, error, {}, {.max_depth = 16});
  if (error || !answer.is_object())
    throw Error(ErrorKind::bad_gateway, "the groups API's answer is not a JSON object");
  return std::move(answer.get_object());
}

// Those of a listing that can be a group's here, each once.
std::vector<std::string> addresses(const Listing& listing, const std::string& access_token) {
  std::set<std::string> found;
  std::string page_token;
  for (int page = 0; page < kMostPages; ++page) {
    const auto answer = get_page(listing, access_token, page_token);
    if (const auto* list = answer.if_contains(listing.list)) {
      if (!list->is_array()) throw Error(ErrorKind::bad_gateway, "the groups API's answer holds no list");
      for (const auto& entry : list->get_array()) {
        if (!entry.is_object()) continue;
        const auto address = to_lower(listing.address(entry.get_object()));
        // Only addresses: no name that a group of ours could have by chance, such as "Admin".
        if (identity::problem_with_email(address).empty() && !address.ends_with("@googlegroups.com"))
          found.insert(address);
      }
    }
    auto next = text_at(&answer, "nextPageToken");
    if (next.empty()) return {found.begin(), found.end()};
    if (next == page_token) throw Error(ErrorKind::bad_gateway, "the list of groups does not go on");
    page_token = std::move(next);
  }
  throw Error(ErrorKind::bad_gateway, "the list of groups does not end");
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
  return addresses(
      {.url = api + "/v1/groups/-/memberships:searchTransitiveGroups",
       .params = {{"query", query}, {"pageSize", "1000"}},
       .list = "memberships",
       .address = [](const js::object& entry) { return text_at(object_at(entry, "groupKey"), "id"); }},
      access_token);
}

std::vector<std::string> read_directory_groups(const std::string& api, const std::string& access_token,
                                               const std::string& email) {
  return addresses({.url = api + "/admin/directory/v1/groups",
                    .params = {{"userKey", email}, {"maxResults", "200"}},
                    .list = "groups",
                    .address = [](const js::object& entry) { return text_at(&entry, "email"); }},
                   access_token);
}

GroupRules group_rules(const identity::GroupSettings& settings) {
  return {.prefix = to_lower(trim(settings.prefix)),
          .admin_email = to_lower(trim(settings.admin_email)),
          .everyone_email = to_lower(trim(settings.everyone_email))};
}

std::vector<std::string> relevant_groups(const std::vector<std::string>& groups, const GroupRules& rules) {
  std::vector<std::string> out;
  std::copy_if(groups.begin(), groups.end(), std::back_inserter(out),
               [&](const std::string& group) { return group.starts_with(rules.prefix); });
  return out;
}

void sync_groups(identity::Directory& directory, const identity::User& user,
                 const std::vector<std::string>& groups, const GroupRules& rules,
                 const std::string& address) {
  // Most sign-ins change nothing, and need no transaction for it.
  if (directory.read(
          [&](const identity::Tables& tables) { return change_for(tables, user, groups, rules).empty(); }))
    return;
  const identity::Actor actor{user.id, user.email, address};
  directory.change([&](identity::Change& change) {
    if (change.tables().user(user.id) == nullptr) return;  // deleted meanwhile
    const auto wanted = change_for(change.tables(), user, groups, rules);
    for (const auto& group : wanted.made) {
      identity::add_group(change, group);
      change.record(actor, "user_group.created", "group:" + group.id,
                    {{"name", group.name}, {"source", std::string(kSource)}});
    }
    for (const auto& id : wanted.left) change.erase_member(user.id, id);
    std::vector<std::string> joined;
    for (const auto& member : wanted.added) {
      change.put(member);
      joined.push_back(member.group_id);
    }
    change.record(actor, "user_group.google_sync", "user:" + user.id,
                  {{"added", as_array(joined)}, {"removed", as_array(wanted.left)}});
  });
}

Preview preview(const identity::Tables& tables, const identity::User& user,
                const std::vector<std::string>& groups, const GroupRules& rules) {
  const auto change = change_for(tables, user, groups, rules);
  const auto name_of = [&](const std::string& id) {
    if (const auto* group = tables.group(id)) return group->name;
    const auto made = std::find_if(change.made.begin(), change.made.end(),
                                   [&](const identity::Group& group) { return group.id == id; });
    return made->name;
  };
  Preview out;
  for (const auto& member : change.added) out.joined.push_back(name_of(member.group_id));
  for (const auto& id : change.left) out.left.push_back(name_of(id));
  std::sort(out.joined.begin(), out.joined.end());
  std::sort(out.left.begin(), out.left.end());
  return out;
}

}  // namespace agnes::auth::google
