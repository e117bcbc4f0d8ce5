#include "core/identity/views.h"

#include <map>

#include "core/identity/users.h"
#include "core/state/seed.h"

namespace agnes::identity {

std::optional<std::string> shown(const std::optional<Timestamp>& moment) {
  return moment ? std::optional(format_sql(*moment)) : std::nullopt;
}

std::string origin_of(const Group& group, const Settings& settings) {
  if (is_outside_group(group, settings)) return "google_sync";
  if (group.is_system) return "system";
  const auto by = group.created_by.value_or("");
  if (by.starts_with("system:google")) return "google_sync";
  return by.starts_with("system:") ? "system" : "custom";
}

GroupView view_of(const Tables& tables, const Group& group, const Settings& settings) {
  GroupView view{.id = group.id,
                 .name = group.name,
                 .description = group.description,
                 .is_system = group.is_system,
                 .origin = origin_of(group, settings),
                 .created_at = shown(group.created_at),
                 .created_by = group.created_by,
                 .member_count = static_cast<std::int64_t>(tables.member_count(group.id)),
                 .grant_count = static_cast<std::int64_t>(tables.grant_count(group.id)),
                 .is_google_managed = is_outside_group(group, settings),
                 .mapped_email = std::nullopt};
  if (group.is_system && view.is_google_managed)
    view.mapped_email =
        group.name == state::kAdminGroup ? settings.admin_group_email : settings.everyone_group_email;
  return view;
}

MembershipView view_of(const Tables& tables, const Member& member, const Settings& settings) {
  const auto& group = *tables.group(member.group_id);
  return {group.id,        group.name,
          group.is_system, origin_of(group, settings),
          member.source,   shown(member.added_at),
          member.added_by};
}

EffectiveAccess effective_access(const Tables& tables, std::string_view user_id) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::string>> groups_by_resource;
  for (const auto& group_id : tables.group_ids_of(user_id))
    for (const auto* grant : tables.grants_of(group_id))
      groups_by_resource[{grant->resource_type, grant->resource_id}][tables.group(group_id)->name] = group_id;
  EffectiveAccess out{.is_admin = tables.is_admin(user_id), .items = {}};
  for (const auto& [resource, groups] : groups_by_resource) {
    auto& item = out.items.emplace_back(EffectiveItem{resource.first, resource.second, {}});
    for (const auto& [name, id] : groups) item.via_groups.push_back({id, name});
  }
  return out;
}

}  // namespace agnes::identity
