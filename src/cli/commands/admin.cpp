#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
std::string find_id(const json::value& list, std::initializer_list<std::string_view> keys,
                    std::string_view wanted) {
  if (list.is_array())
    for (const auto& item : list.get_array())
      for (const auto key : keys)
        if (item.is_object() && iequals(plain(item.get_object(), key), wanted))
          return plain(item.get_object(), "id");
  return "";
}
}  // namespace

std::string user_id_of(Api& api, const std::string& id_or_email) {
  if (id_or_email.find('@') == id_or_email.npos) return id_or_email;
  const std::string id = find_id(fetch(api, "/api/users", "list the users"), {"email"}, id_or_email);
  if (id.empty())
    throw Failure(
        1, fmt::format("no user has the address {}: agnes admin list-users", escape_control(id_or_email)));
  return id;
}

std::string group_id_of(Api& api, const std::string& id_or_name) {
  const std::string id =
      find_id(fetch(api, "/api/admin/groups", "list the groups"), {"id", "name"}, id_or_name);
  if (id.empty())
    throw Failure(1, fmt::format("there is no group {}: agnes admin group list", escape_control(id_or_name)));
  return id;
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
