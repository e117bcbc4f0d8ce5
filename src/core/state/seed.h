#pragma once

#include <string_view>

#include "lib/duck/database.h"

namespace agnes::state {

// Groups that the access rules rest on; they cannot be renamed or deleted.
inline constexpr std::string_view kAdminGroup = "Admin";
inline constexpr std::string_view kEveryoneGroup = "Everyone";

// Makes sure that the system groups exist and are marked as such. Writes nothing when they are.
void seed(duck::Connection& connection);

}  // namespace agnes::state
