#include "core/identity/views.h"

#include <map>

#include "core/identity/users.h"
#include "core/state/seed.h"

namespace agnes::identity {

std::optional<std::string> shown(const std::optional<Timestamp>& moment) {
  return moment ? std::optional(format_sql(*moment)) : std::nullopt;
}

contract::Origin origin_of(const Group& group, const Settings& settings) {
  if (is_outside_group(group, settings)) return contract::Origin::google_sync;
  if (group.is_system) return contract::Origin::system;
  const auto by = group.created_by.value_or("");
  if (by.starts_with("system:google")) return contract::Origin::google_sync;
  return by.starts_with("system:") ? contract::Origin::system : contract::Origin::custom;
}

contract::Group view_of(const Tables& tables, const Group& group, const Settings& settings) {
  contract::Group view{.id = group.id,
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

contract::Membership view_of(const Tables& tables, const Member& member, const Settings& settings) {
  const auto& group = *tables.group(member.group_id);
  return {group.id,        group.name,
          group.is_system, origin_of(group, settings),
          member.source,   shown(member.added_at),
          member.added_by};
}

contract::EffectiveAccess effective_access(const Tables& tables, std::string_view user_id) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::string>> groups_by_resource;
  for (const auto& group_id : tables.group_ids_of(user_id))
    for (const auto* grant : tables.grants_of(group_id))
      groups_by_resource[{grant->resource_type, grant->resource_id}][tables.group(group_id)->name] = group_id;
  contract::EffectiveAccess out{.is_admin = tables.is_admin(user_id), .items = {}};
  for (const auto& [resource, groups] : groups_by_resource) {
    auto& item = out.items.emplace_back(contract::EffectiveItem{resource.first, resource.second, {}});
    for (const auto& [name, id] : groups) item.via_groups.push_back({id, name});
  }
  return out;
}

}  // namespace agnes::identity
