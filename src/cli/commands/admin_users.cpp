#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/access.h"
#include "contract/read.h"
#include "contract/users.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
const Argument kUser{.name = "USER", .help = "The user's id or email address"};

std::string path_of(Api& api, const Args& args, std::string_view action) {
  return "/api/users/" + http_client::percent_encode(user_id_of(api, args.text("USER"))) +
         std::string(action);
}

std::string new_password() {
  const std::string password = ask("New password", true);
  if (ask("Once more", true) != password) throw Failure(1, "the two passwords differ: nothing was changed");
  return password;
}

void put_into_group(Api& api, const std::string& email, const std::string& name) {
  const auto named = find_group(api, name);
  std::string id = named.value_or("");
  if (!named) {
    const Response made =
        api.post("/api/admin/groups", json::to_json(contract::CreateGroup{name, std::nullopt}));
    expect(made, {201}, "create the group");
    id = contract::read<contract::Group>(made.json()).id;
  }
  expect(api.post(fmt::format("/api/admin/groups/{}/members", http_client::percent_encode(id)),
                  json::to_json(contract::AddMember{email})),
         {201, 200}, "add the member");
  print("{} is in the group {} now{}.", email, name, named ? "" : ", which was made");
}

void add(const Args& args) {
  const std::string email = args.text("EMAIL");
  auto password = args.find("password");
  if (password == "-") password = new_password();
  Api api;
  const Response response =
      api.post("/api/users",
               {{"email", email}, {"name", args.find("name").value_or(email.substr(0, email.find('@')))}});
  expect(response, {201}, "add the user");
  const auto user = contract::read<contract::User>(response.json());
  print("Added {} (id {}).", escape_control(user.email), escape_control(user.id));
  if (password)
    expect(api.post(fmt::format("/api/users/{}/set-password", http_client::percent_encode(user.id)),
                    boost::json::object{{"password", *password}}),
           {204, 200}, "set the password");
  const auto group = args.find("group");
  if (group) return put_into_group(api, email, *group);
  print("Groups say what a user may see: agnes admin group add-member GROUP {}", email);
}

void list(const Args& args) {
  Api api;
  const auto users = fetch(api, "/api/users", "list the users");
  if (args.flag("json")) return print("{}", pretty(users));
  std::vector<std::vector<std::string>> rows;
  for (const auto& user : contract::read<std::vector<contract::User>>(users)) {
    std::vector<std::string> groups;
    for (const auto& group : user.groups) groups.push_back(group.name);
    rows.push_back({user.email, user.name.value_or(""), user.is_admin ? "admin" : "user",
                    user.active ? "active" : "deactivated", join(groups, ", "), user.id});
  }
  out(columns_text({"EMAIL", "NAME", "ROLE", "STATUS", "GROUPS", "ID"}, rows));
}

void remove(const Args& args) {
  Api api;
  expect(api.del(path_of(api, args, "")), {204, 200}, "remove the user");
  print("Removed {}.", args.text("USER"));
}

void switch_user(const Args& args, const char* action, const char* done) {
  Api api;
  expect(api.post(path_of(api, args, std::string("/") + action)), {200, 204},
         fmt::format("{} the user", action));
  print("{} {}.", done, args.text("USER"));
}

void reset_password(const Args& args) {
  Api api;
  const Response response = api.post(path_of(api, args, "/reset-password"));
  expect(response, {200}, "reset the password");
  const auto link = contract::read<contract::ResetLink>(response.json());
  print("A new password is set at: {}", escape_control(link.reset_url));
  print("Sent by email: {}", link.email_sent ? "yes" : "no, pass the address on");
}

void set_password(const Args& args) {
  std::string password = args.text("password");
  if (!args.find("password")) password = new_password();
  Api api;
  expect(api.post(path_of(api, args, "/set-password"), {{"password", password}}), {204, 200},
         "set the password");
  print("Set the password of {}.", args.text("USER"));
}

void set_role(const Args& args) {
  throw Failure(kUsage,
                fmt::format("roles are gone, groups took their place: agnes admin group add-member Admin {}",
                            escape_control(args.text("USER"))));
}
}  // namespace

std::vector<Command> admin_user_commands() {
  return {{.name = "list-users",
           .help = "List the users",
           .options = {{.names = "--json", .value = "", .help = "Print the server's answer as JSON"}},
           .run = list},
          {.name = "add-user",
           .help = "Add a user",
           .arguments = {{.name = "EMAIL", .help = "The user's email address"}},
           .options = {{.names = "--name", .value = "NAME", .help = "The name to show"},
                       {.names = "--group",
                        .value = "GROUP",
                        .help = "Put the user into this group, which is made when there is none"},
                       {.names = "--password",
                        .value = "PASSWORD",
                        .help = "The first password; - asks for it unseen"}},
           .run = add,
           .example = "  agnes admin add-user ana@example.com --group sales --password -\n"},
          {.name = "remove-user",
           .help = "Remove a user",
           .arguments = {kUser},
           .run = remove,
           .question = "Remove {USER}, with their tokens and memberships?"},
          {.name = "activate",
           .help = "Let a deactivated user in again",
           .arguments = {kUser},
           .run = [](const Args& args) { switch_user(args, "activate", "Activated"); }},
          {.name = "deactivate",
           .help = "Keep a user out; sessions and tokens stop working",
           .arguments = {kUser},
           .run = [](const Args& args) { switch_user(args, "deactivate", "Deactivated"); }},
          {.name = "reset-password",
           .help = "Make a link with which the user sets a new password",
           .arguments = {kUser},
           .run = reset_password},
          {.name = "set-password",
           .help = "Set a user's password",
           .arguments = {kUser},
           .options = {{.names = "--password",
                        .value = "PASSWORD",
                        .help = "Better left out: it is asked for unseen"}},
           .run = set_password},
          {.name = "set-role",
           .help = "Gone: groups took the place of roles",
           .arguments = {kUser, {.name = "ROLE", .help = "Ignored"}},
           .run = set_role}};
}

}  // namespace agnes::cli
