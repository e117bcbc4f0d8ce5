#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "contract/read.h"
#include "contract/users.h"
#include "lib/base/text.h"

namespace agnes::cli {

std::string user_id_of(Api& api, const std::string& id_or_email) {
  if (id_or_email.find('@') == id_or_email.npos) return id_or_email;
  for (const auto& user :
       contract::read<std::vector<contract::User>>(fetch(api, "/api/users", "list the users")))
    if (iequals(user.email, id_or_email)) return user.id;
  throw Failure(
      1, fmt::format("no user has the address {}: agnes admin list-users", escape_control(id_or_email)));
}

std::optional<std::string> find_group(Api& api, const std::string& id_or_name) {
  for (const auto& group :
       contract::read<std::vector<contract::Group>>(fetch(api, "/api/admin/groups", "list the groups")))
    if (iequals(group.id, id_or_name) || iequals(group.name, id_or_name)) return group.id;
  return std::nullopt;
}

std::string group_id_of(Api& api, const std::string& id_or_name) {
  if (const auto id = find_group(api, id_or_name)) return *id;
  throw Failure(1, fmt::format("there is no group {}: agnes admin group list", escape_control(id_or_name)));
}

Command admin_command() {
  std::vector<Command> commands;
#define AGNES_ADD(name) \
  for (auto& command : admin_##name##_commands()) commands.push_back(std::move(command));
  AGNES_ADMIN_COMMANDS(AGNES_ADD)
#undef AGNES_ADD
  return {.name = "admin",
          .help = "Users, groups, grants and tables, for administrators",
          .commands = std::move(commands)};
}

}  // namespace agnes::cli
