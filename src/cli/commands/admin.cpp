#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "contract/access.h"
#include "contract/registry.h"
#include "contract/users.h"
#include "lib/base/text.h"

namespace agnes::cli {

contract::User find_user(Api& api, const std::string& id_or_email) {
  Nearest nearest(id_or_email, 4);
  auto users = fetch<std::vector<contract::User>>(api, "/api/users", "list the users");
  for (auto& user : users) {
    if (user.id == id_or_email || iequals(user.email, id_or_email)) return std::move(user);
    nearest.offer(user.email);
  }
  const char* what =
      id_or_email.find('@') == id_or_email.npos ? "there is no user " : "no user has the address ";
  throw Failure(Cause::not_found, what + escape_control(id_or_email),
                meant(nearest, "agnes admin list-users"));
}

std::string user_id_of(Api& api, const std::string& id_or_email) {
  return id_or_email.find('@') == id_or_email.npos ? id_or_email : find_user(api, id_or_email).id;
}

namespace {
std::vector<contract::Group> all_groups(Api& api) {
  return fetch<std::vector<contract::Group>>(api, "/api/admin/groups", "list the groups");
}
std::optional<contract::Group> group_in(const std::vector<contract::Group>& groups,
                                        const std::string& id_or_name) {
  for (const auto& group : groups)
    if (iequals(group.id, id_or_name) || iequals(group.name, id_or_name)) return group;
  return std::nullopt;
}
}  // namespace

std::optional<contract::Group> find_group(Api& api, const std::string& id_or_name) {
  return group_in(all_groups(api), id_or_name);
}

contract::Group group_of(Api& api, const std::string& id_or_name) {
  const auto groups = all_groups(api);
  if (auto group = group_in(groups, id_or_name)) return *std::move(group);
  Nearest nearest(id_or_name, 4);
  for (const auto& group : groups) nearest.offer(group.name);
  throw Failure(Cause::not_found, "there is no group " + escape_control(id_or_name),
                meant(nearest, "agnes admin group list"));
}

Response send_for_table(Api& api, const std::string& name,
                        const std::function<Response(const std::string& id)>& send) {
  Response response = send(name);
  if (response.status != 404) return response;
  const Response list = api.get("/api/admin/registry");
  if (!list.ok()) return response;
  Nearest nearest(name, 4);
  const auto tables = contract::read<contract::RegistryList>(list.json()).tables;
  for (const auto& table : tables) {
    if (iequals(table.id, name) || iequals(table.name, name))
      return table.id == name ? response : send(table.id);
    nearest.offer(table.id);
    nearest.offer(table.name);
  }
  if (nearest.best().empty()) return response;
  throw Failure(Cause::not_found, "there is no registered table " + escape_control(name), meant(nearest, ""));
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
