#include "core/state/seed.h"

#include "lib/base/ids.h"
#include "lib/base/time.h"
#include "lib/duck/rows.h"

namespace agnes::state {

namespace {
struct SystemGroup {
  std::string_view name, description;
};
// The descriptions are the contract's, as existing databases have them.
constexpr SystemGroup kSystemGroups[] = {
    {kAdminGroup, "System: full access to all data and admin actions"},
    {kEveryoneGroup, "System: default group every user is implicitly a member of"},
};
}  // namespace

void seed(duck::Connection& connection) {
  for (const auto& group : kSystemGroups) {
    const auto marked = duck::scalar<bool>(
        connection, "SELECT coalesce(is_system, false) FROM user_groups WHERE name = ?", group.name);
    if (!marked)
      connection.execute(
          "INSERT INTO user_groups (id, name, description, is_system, created_at, created_by) "
          "VALUES (?, ?, ?, true, ?, 'system:seed')",
          uuid4(), group.name, group.description, now());
    else if (!*marked)
      connection.execute("UPDATE user_groups SET is_system = true WHERE name = ?", group.name);
  }
}

}  // namespace agnes::state
