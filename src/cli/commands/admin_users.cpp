#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
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
  const char* instead = "add --password PASSWORD, or give it twice on standard input, a line each";
  const std::string password = ask("New password", instead, true);
  if (ask("Once more", instead, true) != password)
    throw Failure(Cause::failed, "the two passwords differ: nothing was changed", "type it again");
  return password;
}

void put_into_group(Api& api, const std::string& email, const std::string& name) {
  const auto named = find_group(api, name);
  std::string id = named ? named->id : "";
  if (!named) {
    const Response made =
        api.post("/api/admin/groups", json::to_json(contract::CreateGroup{name, std::nullopt}));
    expect(made, {201}, "create the group");
    id = contract::read<contract::Group>(made.json()).id;
    note("Made the group {}.", escape_control(name));
  }
  expect(api.post(fmt::format("/api/admin/groups/{}/members", http_client::percent_encode(id)),
                  json::to_json(contract::AddMember{email})),
         {201, 200}, "add the member");
}

contract::User add(const Args& args) {
  const std::string email = args.text("EMAIL");
  auto password = args.find("password");
  if (password == "-") password = new_password();
  Api api;
  const Response response =
      api.post("/api/users",
               {{"email", email}, {"name", args.find("name").value_or(email.substr(0, email.find('@')))}});
  expect(response, {201}, "add the user");
  auto user = contract::read<contract::User>(response.json());
  if (const auto group = args.find("group")) put_into_group(api, email, *group);
  if (password) {
    const Response set =
        api.post(fmt::format("/api/users/{}/set-password", http_client::percent_encode(user.id)),
                 boost::json::object{{"password", *password}});
    // What is done stays: the command cannot be given again.
    if (!set.ok())
      throw Failure(Cause::partly_failed,
                    fmt::format("{} was added without a password: {}", email, refusal(set)),
                    "agnes admin set-password " + email);
  }
  return user;
}
void show_added(const contract::User& user, const Args& args) {
  print("Added {} (id {}).", escape_control(user.email), escape_control(user.id));
  if (const auto group = args.find("group"))
    print("{} is in the group {} now.", escape_control(user.email), *group);
  else
    print("Groups say what a user may see: agnes admin group add-member GROUP {}",
          escape_control(user.email));
}

std::vector<contract::User> list(const Args&) {
  Api api;
  return fetch<std::vector<contract::User>>(api, "/api/users", "list the users");
}
void show_list(const std::vector<contract::User>& users) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& user : users) {
    std::vector<std::string> groups;
    for (const auto& group : user.groups) groups.push_back(group.name);
    rows.push_back({user.email, user.name.value_or(""), user.is_admin ? "admin" : "user",
                    user.active ? "active" : "deactivated", join(groups, ", "), user.id});
  }
  out(columns_text({"EMAIL", "NAME", "ROLE", "STATUS", "GROUPS", "ID"}, rows));
}

Done done(const Args& args, std::string action) {
  return {std::move(action), "user", args.text("USER"), {}};
}

Done remove(const Args& args) {
  Api api;
  expect(api.del(path_of(api, args, "")), {204, 200}, "remove the user");
  return done(args, "removed");
}

template <const char* action>
Done switch_user(const Args& args) {
  Api api;
  expect(api.post(path_of(api, args, std::string("/") + action)), {200, 204},
         fmt::format("{} the user", action));
  return done(args, action + std::string("d"));
}
constexpr char kActivate[] = "activate", kDeactivate[] = "deactivate";

contract::ResetLink reset_password(const Args& args) {
  Api api;
  const Response response = api.post(path_of(api, args, "/reset-password"));
  expect(response, {200}, "reset the password");
  return contract::read<contract::ResetLink>(response.json());
}
void show_link(const contract::ResetLink& link) {
  print("A new password is set at: {}", escape_control(link.reset_url));
  print("Sent by email: {}", link.email_sent ? "yes" : "no, pass the address on");
}

Done set_password(const Args& args) {
  std::string password = args.text("password");
  if (!args.find("password")) password = new_password();
  Api api;
  expect(api.post(path_of(api, args, "/set-password"), {{"password", password}}), {204, 200},
         "set the password");
  return {"set", "password", args.text("USER"), {}};
}
void show_password_set(const Done& done) {
  print("Set the password of {}.", escape_control(done.name));
}

Done set_role(const Args& args) {
  throw Failure(Cause::usage, "roles are gone, groups took their place",
                "agnes admin group add-member Admin " + escape_control(args.text("USER")));
}
}  // namespace

std::vector<Command> admin_user_commands() {
  return {{.name = "list-users", .help = "List the users", .run = answers(list, show_list)},
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
           .run = answers(add, show_added),
           .example = "  agnes admin add-user ana@example.com --group sales --password -\n"},
          {.name = "remove-user",
           .help = "Remove a user",
           .arguments = {kUser},
           .run = answers(remove, show_done),
           .question = "Remove {USER}, with their tokens and memberships?"},
          {.name = "activate",
           .help = "Let a deactivated user in again",
           .arguments = {kUser},
           .run = answers(switch_user<kActivate>, show_done)},
          {.name = "deactivate",
           .help = "Keep a user out; sessions and tokens stop working",
           .arguments = {kUser},
           .run = answers(switch_user<kDeactivate>, show_done)},
          {.name = "reset-password",
           .help = "Make a link with which the user sets a new password",
           .arguments = {kUser},
           .run = answers(reset_password, show_link)},
          {.name = "set-password",
           .help = "Set a user's password",
           .arguments = {kUser},
           .options = {{.names = "--password",
                        .value = "PASSWORD",
                        .help = "Better left out: it is asked for unseen"}},
           .run = answers(set_password, show_password_set)},
          {.name = "set-role",
           .help = "Gone: groups took the place of roles",
           .arguments = {kUser, {.name = "ROLE", .help = "Ignored"}},
           .run = answers(set_role, show_done)}};
}

}  // namespace agnes::cli
