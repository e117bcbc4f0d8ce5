#pragma once

#include <optional>
#include <string>

#include "core/identity/actor.h"
#include "core/identity/directory.h"
#include "core/identity/resources.h"
#include "core/identity/settings.h"

namespace agnes::identity {

// The source of a membership that an operator made with the server down (see break_glass.h). Admins take it
// away.
inline constexpr std::string_view kBreakGlass = "cli_break_glass";

// Adds the row of a new group, and the grants that every group has.
void add_group(Change& change, const Group& group);

// Groups, their members and what they were granted. Every change is audited and holds at once. Errors:
// `not_found`, `conflict`, `bad_request`. Thread-safe.
//
// Groups that an outside directory owns are left alone, and of members only rows with the source "admin" are
// written: those of other sources belong to whoever writes these.
class Groups {
 public:
  Groups(Directory& directory, const ResourceTypes& resource_types, const Settings& settings)
      : directory_(directory), resource_types_(resource_types), settings_(settings) {}

  // The name is trimmed; names that differ only in case are one.
  Group create(const Actor& actor, const std::string& name, const std::optional<std::string>& description);
  // What is not given stays. A system group keeps its name.
  Group update(const Actor& actor, const std::string& id, const std::optional<std::string>& name,
               const std::optional<std::string>& description);
  // With members and grants.
  void remove(const Actor& actor, const std::string& id);

  // `via` is the audited resource, "group:<id>" or "user:<id>", by which page it was done.
  Member add_member(const Actor& actor, const std::string& group_id, const std::string& user_id,
                    const std::string& via);
  // The last active admin stays, and nobody removes themself from the admins.
  void remove_member(const Actor& actor, const std::string& group_id, const std::string& user_id,
                     const std::string& via);

  // The resource must exist.
  Grant grant(const Actor& actor, const std::string& group_id, const std::string& resource_type,
              const std::string& resource_id);
  void revoke(const Actor& actor, const std::string& grant_id);

 private:
  Directory& directory_;
  const ResourceTypes& resource_types_;
  const Settings& settings_;
};

}  // namespace agnes::identity
