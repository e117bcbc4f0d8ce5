#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "contract/access.h"
#include "contract/registry.h"
#include "contract/users.h"
#include "lib/base/text.h"

namespace agnes::cli {

std::string user_id_of(Api& api, const std::string& id_or_email) {
  if (id_or_email.find('@') == id_or_email.npos) return id_or_email;
  Nearest nearest(id_or_email, 4);
  const auto users = fetch<std::vector<contract::User>>(api, "/api/users", "list the users");
  for (const auto& user : users) {
    if (iequals(user.email, id_or_email)) return user.id;
    nearest.offer(user.email);
  }
  throw Failure(Cause::not_found, "no user has the address " + escape_control(id_or_email),
                meant(nearest, "agnes admin list-users"));
}

namespace {
std::vector<contract::Group> all_groups(Api& api) {
  return fetch<std::vector<contract::Group>>(api, "/api/admin/groups", "list the groups");
}
std::optional<std::string> id_in(const std::vector<contract::Group>& groups, const std::string& id_or_name) {
  for (const auto& group : groups)
    if (iequals(group.id, id_or_name) || iequals(group.name, id_or_name)) return group.id;
  return std::nullopt;
}
}  // namespace

std::optional<std::string> find_group(Api& api, const std::string& id_or_name) {
  return id_in(all_groups(api), id_or_name);
}

std::string group_id_of(Api& api, const std::string& id_or_name) {
  const auto groups = all_groups(api);
  if (const auto id = id_in(groups, id_or_name)) return *id;
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
