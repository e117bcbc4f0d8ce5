#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "core/identity/settings.h"
#include "core/identity/tables.h"

// What several routes answer with, in the contract's shapes.
namespace agnes::identity {

// "2026-01-02 03:04:05.000006", the contract's form of stored times in these answers.
std::optional<std::string> shown(const std::optional<Timestamp>& moment);

// Where a group comes from: system, custom or google_sync.
std::string origin_of(const Group& group, const Settings& settings);

struct GroupView {
  std::string id, name;
  std::optional<std::string> description;
  bool is_system = false;
  std::string origin;
  std::optional<std::string> created_at, created_by;
  std::int64_t member_count = 0, grant_count = 0;
  bool is_google_managed = false;
  std::optional<std::string> mapped_email;
};
BOOST_DESCRIBE_STRUCT(GroupView, (),
                      (id, name, description, is_system, origin, created_at, created_by, member_count,
                       grant_count, is_google_managed, mapped_email))
GroupView view_of(const Tables& tables, const Group& group, const Settings& settings);

struct MembershipView {
  std::string group_id, group_name;
  bool is_system = false;
  std::string origin, source;
  std::optional<std::string> added_at, added_by;
};
BOOST_DESCRIBE_STRUCT(MembershipView, (),
                      (group_id, group_name, is_system, origin, source, added_at, added_by))
MembershipView view_of(const Tables& tables, const Member& member, const Settings& settings);

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
EffectiveAccess effective_access(const Tables& tables, std::string_view user_id);

}  // namespace agnes::identity
