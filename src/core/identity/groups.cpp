#include "core/identity/groups.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/identity/resources.h"
#include "core/identity/users.h"
#include "core/state/seed.h"
#include "lib/base/error.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

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

void insert(duck::Connection& c, const Grant& grant) {
  c.execute(
      "INSERT INTO resource_grants (id, group_id, resource_type, resource_id, assigned_at, assigned_by) "
      "VALUES (?, ?, ?, ?, ?, ?)",
      grant.id, grant.group_id, grant.resource_type, grant.resource_id, grant.assigned_at, grant.assigned_by);
}

struct Plugin {
  std::string marketplace_id, name;
};
BOOST_DESCRIBE_STRUCT(Plugin, (), (marketplace_id, name))

}  // namespace

Group Groups::create(const Actor& actor, const std::string& name,
                     const std::optional<std::string>& description) {
  Group group;
  std::vector<Grant> grants;
  directory_.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    auto id = uuid4();
    std::erase(id, '-');
    group = {id, usable_name(tables, name, ""), description, false, now(), actor.email};
    c.execute(
        "INSERT INTO user_groups (id, name, description, is_system, created_at, created_by) "
        "VALUES (?, ?, ?, false, ?, ?)",
        group.id, group.name, group.description, group.created_at, group.created_by);
    // System plugins are everybody's.
    grants.clear();
    for (const auto& plugin :
         duck::rows<Plugin>(c, "SELECT marketplace_id, name FROM marketplace_plugins WHERE is_system")) {
      grants.push_back({uuid4(), group.id, "marketplace_plugin", plugin.marketplace_id + "/" + plugin.name,
                        now(), actor.email});
      insert(c, grants.back());
    }
    record(c, actor, "user_group.created", "group:" + group.id, {{"name", group.name}});
    return [&](Tables& t) {
      t.put(group);
      for (const auto& grant : grants) t.put(grant);
    };
  });
  return group;
}

Group Groups::update(const Actor& actor, const std::string& id, const std::optional<std::string>& name,
                     const std::optional<std::string>& description) {
  Group updated;
  const auto work = [&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    updated = existing(tables, id);
    guard_outside(updated, settings_);
    boost::json::object changes;
    if (name && trim(*name) != updated.name) {
      if (updated.is_system) throw Error(ErrorKind::conflict, "System groups cannot be renamed");
      updated.name = usable_name(tables, *name, id);
      changes["name"] = updated.name;
      c.execute("UPDATE user_groups SET name = ? WHERE id = ?", updated.name, id);
    }
    if (description && description != updated.description) {
      updated.description = description;
      changes["description"] = *description;
      c.execute("UPDATE user_groups SET description = ? WHERE id = ?", *description, id);
    }
    if (changes.empty()) return nullptr;
    record(c, actor, "user_group.updated", "group:" + id, std::move(changes));
    return [&](Tables& t) { t.put(updated); };
  };
  const bool renames = directory_.look([&](const Tables& tables) {
    const auto* group = tables.group(id);
    return group != nullptr && name && trim(*name) != group->name &&
           tables.member_count(id) + tables.grant_count(id) > 0;
  });
  if (renames)
    directory_.change_group_row(work);
  else
    directory_.change(work);
  return updated;
}

void Groups::remove(const Actor& actor, const std::string& id) {
  const auto check = [&](const Tables& tables) -> const Group& {
    const auto& group = existing(tables, id);
    guard_outside(group, settings_);
    if (group.is_system) throw Error(ErrorKind::conflict, "Cannot delete a system group");
    return group;
  };
  // In two steps, as DuckDB wants it; between them it is an empty group that gives nothing to anybody.
  directory_.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    Group group = check(tables);
    c.execute("DELETE FROM user_group_members WHERE group_id = ?", id);
    c.execute("DELETE FROM resource_grants WHERE group_id = ?", id);
    record(c, actor, "user_group.deleted", "group:" + id, {{"name", group.name}});
    return [group](Tables& t) {
      t.erase_group(group.id);
      t.put(group);
    };
  });
  directory_.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    check(tables);
    c.execute("DELETE FROM user_groups WHERE id = ?", id);
    return [&](Tables& t) { t.erase_group(id); };
  });
}

Member Groups::add_member(const Actor& actor, const std::string& group_id, const std::string& user_id,
                          const std::string& via) {
  Member member;
  directory_.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    const auto& group = existing(tables, group_id);
    guard_outside(group, settings_);
    const auto* user = tables.user(user_id);
    if (user == nullptr) throw Error(ErrorKind::not_found, "User not found");
    if (tables.member(user_id, group_id) != nullptr)
      throw Error(ErrorKind::conflict, "User already a member");
    member = {user_id, group_id, "admin", now(), actor.email};
    c.execute(
        "INSERT INTO user_group_members (user_id, group_id, source, added_at, added_by) VALUES (?, ?, ?, ?, "
        "?)",
        member.user_id, member.group_id, member.source, member.added_at, member.added_by);
    record(c, actor, "user_group.member_added", via,
           {{"group_id", group_id},
            {"group_name", group.name},
            {"user_id", user_id},
            {"user_email", user->email}});
    return [&](Tables& t) { t.put(member); };
  });
  return member;
}

void Groups::remove_member(const Actor& actor, const std::string& group_id, const std::string& user_id,
                           const std::string& via) {
  directory_.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
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
    c.execute("DELETE FROM user_group_members WHERE user_id = ? AND group_id = ? AND source = ?", user_id,
              group_id, member->source);
    record(c, actor, "user_group.member_removed", via,
           {{"group_id", group_id}, {"group_name", group.name}, {"user_id", user_id}});
    return [&](Tables& t) { t.erase_member(user_id, group_id); };
  });
}

Grant Groups::grant(const Actor& actor, const std::string& group_id, const std::string& resource_type,
                    const std::string& resource_id) {
  const auto& type = resource_type_named(resource_type);
  Grant grant;
  directory_.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    if (trim(resource_id).empty()) throw Error(ErrorKind::bad_request, "resource_id is required");
    existing(tables, group_id);
    if (tables.grant_of(group_id, resource_type, resource_id) != nullptr)
      throw Error(ErrorKind::conflict, "Grant already exists for this group and resource");
    if (!type.exists(c, resource_id))
      throw Error(ErrorKind::not_found,
                  fmt::format("there is no {} '{}'", resource_type, escape_control(resource_id)));
    grant = {uuid4(), group_id, resource_type, resource_id, now(), actor.email};
    insert(c, grant);
    record(c, actor, "resource_grant.created", "grant:" + grant.id,
           {{"group_id", group_id}, {"resource_type", resource_type}, {"resource_id", resource_id}});
    return [&](Tables& t) { t.put(grant); };
  });
  return grant;
}

void Groups::revoke(const Actor& actor, const std::string& grant_id) {
  directory_.change([&](const Tables& tables, duck::Connection& c) -> Directory::Apply {
    const auto* grant = tables.grant(grant_id);
    if (grant == nullptr) throw Error(ErrorKind::not_found, "Grant not found");
    boost::json::object params{{"group_id", grant->group_id},
                               {"resource_type", grant->resource_type},
                               {"resource_id", grant->resource_id}};
    if (const auto slash = grant->resource_id.find('/');
        grant->resource_type == "marketplace_plugin" && slash != std::string::npos) {
      const auto marketplace = grant->resource_id.substr(0, slash),
                 plugin = grant->resource_id.substr(slash + 1);
      if (duck::scalar<bool>(
              c, "SELECT is_system FROM marketplace_plugins WHERE marketplace_id = ? AND name = ?",
              marketplace, plugin)
              .value_or(false))
        throw Error(ErrorKind::conflict, "cannot_revoke_system_grant");
      // A grant that is given again starts with everybody's default.
      params["optouts_dropped"] =
          c.execute("DELETE FROM user_plugin_optouts WHERE marketplace_id = ? AND plugin_name = ?",
                    marketplace, plugin)
              .rows_changed();
    }
    c.execute("DELETE FROM resource_grants WHERE id = ?", grant_id);
    record(c, actor, "resource_grant.deleted", "grant:" + grant_id, std::move(params));
    return [&](Tables& t) { t.erase_grant(grant_id); };
  });
}

}  // namespace agnes::identity
