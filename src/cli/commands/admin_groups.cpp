#include <set>

#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/access.h"
#include "contract/read.h"
#include "lib/base/text.h"

// agnes admin group, agnes admin grant
namespace agnes::cli {

namespace {
const Argument kGroup{.name = "GROUP", .help = "The group's id or name"};
const Argument kEmail{.name = "EMAIL", .help = "The user's email address"};
const Option kJson{.names = "--json", .value = "", .help = "Print the server's answer as JSON"};

std::string yes_no(bool yes) {
  return yes ? "true" : "false";
}

std::string group_path(Api& api, const Args& args, const std::string& rest = "") {
  return "/api/admin/groups/" + http_client::percent_encode(group_id_of(api, args.text("GROUP"))) + rest;
}

// Of Everyone the servers' databases say that everybody is in it, which nobody is without a membership.
std::string description_of(const contract::Group& group) {
  return group.is_system && group.name == "Everyone" ? "System: for those that you put into it"
                                                     : group.description.value_or("");
}

void list_groups(const Args& args) {
  Api api;
  const auto groups = fetch(api, "/api/admin/groups", "list the groups");
  if (args.flag("json")) return print("{}", pretty(groups));
  std::vector<std::vector<std::string>> rows;
  for (const auto& group : contract::read<std::vector<contract::Group>>(groups))
    rows.push_back({group.name, description_of(group), yes_no(group.is_system),
                    std::to_string(group.member_count), std::to_string(group.grant_count), group.id});
  out(columns_text({"NAME", "DESCRIPTION", "SYSTEM", "MEMBERS", "GRANTS", "ID"}, rows));
}

void create_group(const Args& args) {
  Api api;
  const contract::CreateGroup body{.name = args.text("NAME"), .description = args.find("description")};
  const Response response = api.post("/api/admin/groups", json::to_json(body));
  expect(response, {201}, "create the group");
  const auto group = contract::read<contract::Group>(response.json());
  print("Created the group {} (id {}).", body.name, escape_control(group.id));
}

void delete_group(const Args& args) {
  Api api;
  expect(api.del(group_path(api, args)), {200, 204}, "delete the group");
  print("Deleted the group {}.", args.text("GROUP"));
}

void list_members(const Args& args) {
  Api api;
  const auto members = fetch(api, group_path(api, args, "/members"), "list the members");
  std::vector<std::vector<std::string>> rows;
  for (const auto& member : contract::read<std::vector<contract::Member>>(members))
    rows.push_back({member.email, member.name.value_or(""), member.source, yes_no(member.active)});
  out(columns_text({"EMAIL", "NAME", "SOURCE", "ACTIVE"}, rows));
}

void add_member(const Args& args) {
  Api api;
  expect(api.post(group_path(api, args, "/members"), json::to_json(contract::AddMember{args.text("EMAIL")})),
         {201, 200}, "add the member");
  print("{} is in the group {} now.", args.text("EMAIL"), args.text("GROUP"));
}

void remove_member(const Args& args) {
  Api api;
  const std::string path = group_path(api, args, "/members/");
  expect(api.del(path + http_client::percent_encode(user_id_of(api, args.text("EMAIL")))), {200, 204},
         "remove the member");
  print("{} is no longer in the group {}.", args.text("EMAIL"), args.text("GROUP"));
}

void list_grants(const Args& args) {
  Api api;
  Params params;
  if (const auto type = args.find("type")) params.emplace_back("resource_type", *type);
  if (const auto group = args.find("group")) params.emplace_back("group_id", group_id_of(api, *group));
  const auto grants = fetch(api, "/api/admin/grants", "list the grants", params);
  if (args.flag("json")) return print("{}", pretty(grants));
  std::vector<std::vector<std::string>> rows;
  for (const auto& grant : contract::read<std::vector<contract::Grant>>(grants))
    rows.push_back(
        {grant.group_name, grant.resource_type, grant.resource_id, grant.assigned_by.value_or(""), grant.id});
  out(columns_text({"GROUP", "TYPE", "RESOURCE", "GRANTED BY", "ID"}, rows));
}

std::vector<contract::Grant> grants_of(Api& api, const std::string& group, const std::string& type) {
  return contract::read<std::vector<contract::Grant>>(
      fetch(api, "/api/admin/grants", "list the grants", {{"group_id", group}, {"resource_type", type}}));
}

void create_grant(const Args& args) {
  Api api;
  const auto group = group_id_of(api, args.text("GROUP"));
  const auto type = args.text("TYPE");
  const auto wanted = resource_ids(api, type, args.text("RESOURCES"));
  std::set<std::string> there;  // of several, those that are granted already stay
  if (wanted.size() > 1)
    for (const auto& grant : grants_of(api, group, type)) there.insert(grant.resource_id);
  for (const auto& id : wanted) {
    if (!there.contains(id)) {
      const contract::CreateGrant body{group, type, id};
      expect(api.post("/api/admin/grants", json::to_json(body)), {201},
             fmt::format("grant {}", escape_control(id)));
    }
    print("The group {} may see {} {} now.", args.text("GROUP"), type, id);
  }
}

void delete_grant(const Args& args) {
  Api api;
  // The id, and what is said of it.
  std::vector<std::pair<std::string, std::string>> chosen;
  if (!args.find("TYPE"))
    chosen.emplace_back(args.text("GRANT"), fmt::format("Deleted the grant {}.", args.text("GRANT")));
  if (args.find("TYPE")) {
    const auto resources = resource_ids(api, args.text("TYPE"), args.text("RESOURCES"));
    const auto grants = grants_of(api, group_id_of(api, args.text("GRANT")), args.text("TYPE"));
    for (const auto& resource : resources) {
      const auto found = std::find_if(grants.begin(), grants.end(),
                                      [&](const auto& grant) { return grant.resource_id == resource; });
      if (found == grants.end())
        throw Failure(
            1,
            fmt::format("the group {} has no grant for {} {}, so nothing was taken back: agnes admin grant "
                        "list --group {}",
                        escape_control(args.text("GRANT")), escape_control(args.text("TYPE")),
                        escape_control(resource), escape_control(args.text("GRANT"))));
      chosen.emplace_back(found->id, fmt::format("The group {} may not see {} {} any more.",
                                                 args.text("GRANT"), args.text("TYPE"), resource));
    }
  }
  for (const auto& [id, said] : chosen) {
    expect(api.del("/api/admin/grants/" + http_client::percent_encode(id)), {200, 204}, "delete the grant");
    print("{}", said);
  }
}

void list_types(const Args& args) {
  Api api;
  const auto types = fetch(api, "/api/admin/resource-types", "list the types of resources");
  if (args.flag("json")) return print("{}", pretty(types));
  std::vector<std::vector<std::string>> rows;
  for (const auto& type : contract::read<std::vector<contract::ResourceType>>(types))
    rows.push_back({type.key, type.display_name, type.id_format});
  out(columns_text({"TYPE", "NAME", "FORM OF AN ID"}, rows));
}

Command group_command() {
  return {
      .name = "group",
      .help = "Groups and their members",
      .commands = {
          {.name = "list", .help = "List the groups", .options = {kJson}, .run = list_groups},
          {.name = "create",
           .help = "Create a group",
           .arguments = {{.name = "NAME", .help = "The group's name"}},
           .options = {{.names = "--description", .value = "TEXT", .help = "What it is for"}},
           .run = create_group},
          {.name = "delete",
           .help = "Delete a group",
           .arguments = {kGroup},
           .run = delete_group,
           .question = "Delete the group {GROUP}, with its members and grants?"},
          {.name = "members", .help = "List a group's members", .arguments = {kGroup}, .run = list_members},
          {.name = "add-member",
           .help = "Add a user to a group",
           .arguments = {kGroup, kEmail},
           .run = add_member},
          {.name = "remove-member",
           .help = "Take a user out of a group",
           .arguments = {kGroup, kEmail},
           .run = remove_member}}};
}

Command grant_command() {
  return {
      .name = "grant",
      .help = "What each group may see",
      .commands = {
          {.name = "list",
           .help = "List the grants",
           .options = {{.names = "--type", .value = "TYPE", .help = "Only this type of resource"},
                       {.names = "--group", .value = "GROUP", .help = "Only this group's, by id or name"},
                       kJson},
           .run = list_grants},
          {.name = "create",
           .help = "Let a group see something",
           .arguments = {kGroup,
                         {.name = "TYPE",
                          .help = "What it is, as agnes admin grant resource-types lists: table, ..."},
                         {.name = "RESOURCES", .help = "Its id or name; several with commas between them"}},
           .run = create_grant,
           .example = "  agnes admin grant create sales table customers,orders\n"},
          {.name = "delete",
           .help = "Take a grant back",
           .arguments = {{.name = "GRANT",
                          .help = "The grant's id; or a group's id or name, with the next two"},
                         {.name = "TYPE", .help = "The type of what it sees", .required = false},
                         {.name = "RESOURCES",
                          .help = "Its id or name; several with commas between them",
                          .required = false}},
           .run = delete_grant,
           .example = "  agnes admin grant delete sales table customers\n"},
          {.name = "resource-types",
           .help = "List what can be granted",
           .options = {kJson},
           .run = list_types}}};
}
}  // namespace

std::vector<Command> admin_group_commands() {
  return {group_command(), grant_command()};
}

}  // namespace agnes::cli
