#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// Groups, their members, and what they were granted: /api/admin/groups, /api/admin/grants. Times are texts as
// "2026-01-02 03:04:05.000006", in UTC.
namespace agnes::contract {

// Where a group comes from: made by Agnes itself, by an administrator, or kept by Google.
enum class Origin { custom, system, google_sync };
BOOST_DESCRIBE_ENUM(Origin, custom, system, google_sync)

struct Group {
  std::string id, name;
  std::optional<std::string> description;
  bool is_system = false;
  Origin origin = Origin::custom;
  std::optional<std::string> created_at, created_by;
  std::int64_t member_count = 0, grant_count = 0;
  bool is_google_managed = false;
  std::optional<std::string> mapped_email;
};
BOOST_DESCRIBE_STRUCT(Group, (),
                      (id, name, description, is_system, origin, created_at, created_by, member_count,
                       grant_count, is_google_managed, mapped_email))

struct CreateGroup {
  std::string name;
  std::optional<std::string> description;
  static constexpr json::Rule rules[] = {{.field = "description", .max_length = 2000}};
};
BOOST_DESCRIBE_STRUCT(CreateGroup, (), (name, description))

struct UpdateGroup {
  std::optional<std::string> name, description;
  static constexpr json::Rule rules[] = {{.field = "description", .max_length = 2000}};
};
BOOST_DESCRIBE_STRUCT(UpdateGroup, (), (name, description))

struct AddMember {
  std::string email;
};
BOOST_DESCRIBE_STRUCT(AddMember, (), (email))

struct AddMembership {
  std::string group_id;
};
BOOST_DESCRIBE_STRUCT(AddMembership, (), (group_id))

// Of a group.
struct Member {
  std::string user_id, email;
  std::optional<std::string> name;
  bool active = true;
  std::string source;
  std::optional<std::string> added_at, added_by;
};
BOOST_DESCRIBE_STRUCT(Member, (), (user_id, email, name, active, source, added_at, added_by))

// Of a user.
struct Membership {
  std::string group_id, group_name;
  bool is_system = false;
  Origin origin = Origin::custom;
  std::string source;
  std::optional<std::string> added_at, added_by;
};
BOOST_DESCRIBE_STRUCT(Membership, (), (group_id, group_name, is_system, origin, source, added_at, added_by))

struct ResourceType {
  std::string key, display_name, description, id_format;
};
BOOST_DESCRIBE_STRUCT(ResourceType, (), (key, display_name, description, id_format))

struct CreateGrant {
  std::string group_id, resource_type, resource_id;
  static constexpr json::Rule rules[] = {{.field = "resource_id", .max_length = 500}};
};
BOOST_DESCRIBE_STRUCT(CreateGrant, (), (group_id, resource_type, resource_id))

struct Grant {
  std::string id, group_id, group_name, resource_type, resource_id;
  std::optional<std::string> assigned_at, assigned_by;
};
BOOST_DESCRIBE_STRUCT(Grant, (),
                      (id, group_id, group_name, resource_type, resource_id, assigned_at, assigned_by))

struct GrantBrief {
  std::string id, group_id, resource_type, resource_id;
};
BOOST_DESCRIBE_STRUCT(GrantBrief, (), (id, group_id, resource_type, resource_id))

struct GroupRef {
  std::string group_id, group_name;
};
BOOST_DESCRIBE_STRUCT(GroupRef, (), (group_id, group_name))
struct EffectiveItem {
  std::string resource_type, resource_id;
  std::vector<GroupRef> via_groups;
};
BOOST_DESCRIBE_STRUCT(EffectiveItem, (), (resource_type, resource_id, via_groups))
// Every grant that reaches a user, and by which groups. An admin may read more: everything.
struct EffectiveAccess {
  bool is_admin = false;
  std::vector<EffectiveItem> items;
};
BOOST_DESCRIBE_STRUCT(EffectiveAccess, (), (is_admin, items))

// Something that can be granted. Which of the facts are told depends on its type.
struct Resource {
  std::string resource_id, name;
  std::optional<std::string> version, category, description, source_type;
  std::optional<bool> is_system;
};
BOOST_DESCRIBE_STRUCT(Resource, (),
                      (resource_id, name, version, category, description, source_type, is_system))
struct ResourceBlock {
  std::string id, name;
  std::vector<Resource> items;
};
BOOST_DESCRIBE_STRUCT(ResourceBlock, (), (id, name, items))
struct ResourcesOfType {
  std::string type_key, type_display;
  std::vector<ResourceBlock> blocks;
};
BOOST_DESCRIBE_STRUCT(ResourcesOfType, (), (type_key, type_display, blocks))
struct AccessOverview {
  std::vector<Group> groups;
  std::vector<GrantBrief> grants;
  std::vector<ResourcesOfType> resources;
};
BOOST_DESCRIBE_STRUCT(AccessOverview, (), (groups, grants, resources))

}  // namespace agnes::contract
