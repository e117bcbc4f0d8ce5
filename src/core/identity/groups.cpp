#include "core/identity/groups.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/identity/resources.h"
#include "core/identity/users.h"
#include "core/state/seed.h"
#include "lib/base/error.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

constexpr std::size_t kLongestName = 200;

const Group& existing(const Tables& tables, const std::string& id) {
  const auto* group = tables.group(id);
  if (group == nullptr) throw Error(ErrorKind::not_found, "Group not found");
  return *group;
}

void guard_outside(const Group& group, const Settings& settings) {
  if (!is_outside_group(group, settings)) return;
  constexpr const char* kMessage =
      "This group is kept by Google Workspace: change its members there and sign in again to see it here";
  throw Error(ErrorKind::conflict, kMessage,
              boost::json::object{{"code", "google_managed_readonly"}, {"message", kMessage}});
}

// The trimmed name, checked; `own` is the group that may have it.
std::string usable_name(const Tables& tables, std::string_view given, std::string_view own) {
  const std::string name(trim(given));
  if (name.empty()) throw Error(ErrorKind::bad_request, "Group name is required");
  if (name.size() > kLongestName)
    throw Error(ErrorKind::bad_request, fmt::format("Group name must be at most {} bytes", kLongestName));
  if (escape_control(name) != name)
    throw Error(ErrorKind::bad_request, "Group name must not hold control characters");
  for (const auto* group : tables.groups())
    if (group->id != own && iequals(group->name, name))
      throw Error(ErrorKind::conflict, fmt::format("Group '{}' already exists", group->name));
  return name;
}

struct Plugin {
  std::string marketplace_id, name;
};
BOOST_DESCRIBE_STRUCT(Plugin, (), (marketplace_id, name))

}  // namespace

void add_group(Change& change, const Group& group) {
  change.put(group);
  // System plugins are everybody's.
  for (const auto& plugin :
       change.tx().rows<Plugin>("SELECT marketplace_id, name FROM marketplace_plugins WHERE is_system"))
    change.put(Grant{uuid4(), group.id, "marketplace_plugin", plugin.marketplace_id + "/" + plugin.name,
                     now(), group.created_by});
}

Group Groups::create(const Actor& actor, const std::string& name,
                     const std::optional<std::string>& description) {
  return directory_.change([&](Change& change) {
    auto id = uuid4();
    std::erase(id, '-');
    const Group group{id, usable_name(change.tables(), name, ""), description, false, now(), actor.email};
    add_group(change, group);
    change.record(actor, "user_group.created", "group:" + group.id, {{"name", group.name}});
    return group;
  });
}

Group Groups::update(const Actor& actor, const std::string& id, const std::optional<std::string>& name,
                     const std::optional<std::string>& description) {
  return directory_.change([&](Change& change) {
    Group group = existing(change.tables(), id);
    guard_outside(group, settings_);
    boost::json::object changes;
    if (name && trim(*name) != group.name) {
      if (group.is_system) throw Error(ErrorKind::conflict, "System groups cannot be renamed");
      group.name = usable_name(change.tables(), *name, id);
      changes["name"] = group.name;
    }
    if (description && description != group.description) {
      group.description = description;
      changes["description"] = *description;
    }
    if (changes.empty()) return group;
    change.put(group);
    change.record(actor, "user_group.updated", "group:" + id, std::move(changes));
    return group;
  });
}

void Groups::remove(const Actor& actor, const std::string& id) {
  directory_.change([&](Change& change) {
    const auto& group = existing(change.tables(), id);
    guard_outside(group, settings_);
    if (group.is_system) throw Error(ErrorKind::conflict, "Cannot delete a system group");
    change.erase_group(id);
    change.record(actor, "user_group.deleted", "group:" + id, {{"name", group.name}});
  });
}

Member Groups::add_member(const Actor& actor, const std::string& group_id, const std::string& user_id,
                          const std::string& via) {
  return directory_.change([&](Change& change) {
    const auto& tables = change.tables();
    const auto& group = existing(tables, group_id);
    guard_outside(group, settings_);
    const auto* user = tables.user(user_id);
    if (user == nullptr) throw Error(ErrorKind::not_found, "User not found");
    if (tables.member(user_id, group_id) != nullptr)
      throw Error(ErrorKind::conflict, "User already a member");
    const Member member{user_id, group_id, "admin", now(), actor.email};
    change.put(member);
    change.record(actor, "user_group.member_added", via,
                  {{"group_id", group_id},
                   {"group_name", group.name},
                   {"user_id", user_id},
                   {"user_email", user->email}});
    return member;
  });
}

void Groups::remove_member(const Actor& actor, const std::string& group_id, const std::string& user_id,
                           const std::string& via) {
  directory_.change([&](Change& change) {
    const auto& tables = change.tables();
    const auto& group = existing(tables, group_id);
    guard_outside(group, settings_);
    const auto* member = tables.member(user_id, group_id);
    const auto* user = tables.user(user_id);
    if (group.name == state::kAdminGroup && member != nullptr) {
      if (user != nullptr && user->active && tables.active_admins() <= 1)
        throw Error(ErrorKind::conflict, "Cannot remove the last admin: at least one must remain");
      if (user_id == actor.id)
        throw Error(ErrorKind::conflict, "Cannot remove yourself from the admins: another admin can");
    }
    if (member == nullptr || (member->source != "admin" && member->source != kBreakGlass))
      throw Error(ErrorKind::not_found, "No admin-managed membership for this user in this group");
    change.erase_member(user_id, group_id);
    change.record(actor, "user_group.member_removed", via,
                  {{"group_id", group_id}, {"group_name", group.name}, {"user_id", user_id}});
  });
}

Grant Groups::grant(const Actor& actor, const std::string& group_id, const std::string& resource_type,
                    const std::string& resource_id) {
  const auto& type = resource_types_.named(resource_type);
  return directory_.change([&](Change& change) {
    if (trim(resource_id).empty()) throw Error(ErrorKind::bad_request, "resource_id is required");
    existing(change.tables(), group_id);
    if (change.tables().grant_of(group_id, resource_type, resource_id) != nullptr)
      throw Error(ErrorKind::conflict, "Grant already exists for this group and resource");
    if (!type.exists(change.tx(), resource_id))
      throw Error(ErrorKind::not_found,
                  fmt::format("there is no {} '{}'", resource_type, escape_control(resource_id)));
    const Grant grant{uuid4(), group_id, resource_type, resource_id, now(), actor.email};
    change.put(grant);
    change.record(actor, "resource_grant.created", "grant:" + grant.id,
                  {{"group_id", group_id}, {"resource_type", resource_type}, {"resource_id", resource_id}});
    return grant;
  });
}

void Groups::revoke(const Actor& actor, const std::string& grant_id) {
  directory_.change([&](Change& change) {
    const auto* grant = change.tables().grant(grant_id);
    if (grant == nullptr) throw Error(ErrorKind::not_found, "Grant not found");
    boost::json::object params{{"group_id", grant->group_id},
                               {"resource_type", grant->resource_type},
                               {"resource_id", grant->resource_id}};
    if (const auto slash = grant->resource_id.find('/');
        grant->resource_type == "marketplace_plugin" && slash != std::string::npos) {
      const auto marketplace = grant->resource_id.substr(0, slash),
                 plugin = grant->resource_id.substr(slash + 1);
      if (change.tx()
              .scalar<bool>("SELECT is_system FROM marketplace_plugins WHERE marketplace_id = ? AND name = ?",
                            marketplace, plugin)
              .value_or(false))
        throw Error(ErrorKind::conflict, "cannot_revoke_system_grant");
      // A grant that is given again starts with everybody's default.
      params["optouts_dropped"] =
          change.tx().execute("DELETE FROM user_plugin_optouts WHERE marketplace_id = ? AND plugin_name = ?",
                              marketplace, plugin);
    }
    change.erase_grant(grant_id);
    change.record(actor, "resource_grant.deleted", "grant:" + grant_id, std::move(params));
  });
}

}  // namespace agnes::identity
