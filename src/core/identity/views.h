#pragma once

#include <optional>
#include <string>
#include <vector>

#include "contract/access.h"
#include "core/identity/settings.h"
#include "core/identity/tables.h"

// What several routes answer with, in the contract's shapes.
namespace agnes::identity {

// "2026-01-02 03:04:05.000006", the contract's form of stored times in these answers.
std::optional<std::string> shown(const std::optional<Timestamp>& moment);

contract::Origin origin_of(const Group& group, const Settings& settings);

contract::Group view_of(const Tables& tables, const Group& group, const Settings& settings);

contract::Membership view_of(const Tables& tables, const Member& member, const Settings& settings);

contract::EffectiveAccess effective_access(const Tables& tables, std::string_view user_id);

}  // namespace agnes::identity
