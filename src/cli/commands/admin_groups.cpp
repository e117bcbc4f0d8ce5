#include <algorithm>
#include <map>

#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/access.h"
#include "lib/base/text.h"

// agnes admin group, agnes admin grant
namespace agnes::cli {

namespace {
const Argument kGroup{.name = "GROUP", .help = "The group's id or name"};
const Argument kEmail{.name = "EMAIL", .help = "The user's email address"};

std::string yes_no(bool yes) {
  return yes ? "true" : "false";
}

std::string path_of(const contract::Group& group, const std::string& rest = "") {
  return "/api/admin/groups/" + http_client::percent_encode(group.id) + rest;
}

// Of Everyone the servers' databases say that everybody is in it, which nobody is without a membership.
std::string description_of(const contract::Group& group) {
  return group.is_system && group.name == "Everyone" ? "System: for those that you put into it"
                                                     : group.description.value_or("");
}

std::vector<contract::Group> list_groups(const Args&) {
  Api api;
  return fetch<std::vector<contract::Group>>(api, "/api/admin/groups", "list the groups");
}
void show_groups(const std::vector<contract::Group>& groups) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& group : groups)
    rows.push_back({group.name, description_of(group), yes_no(group.is_system),
                    std::to_string(group.member_count), std::to_string(group.grant_count), group.id});
  out(columns_text({"NAME", "DESCRIPTION", "SYSTEM", "MEMBERS", "GRANTS", "ID"}, rows));
}

contract::Group create_group(const Args& args) {
  Api api;
  const contract::CreateGroup body{.name = args.text("NAME"), .description = args.find("description")};
  const Response response = api.post("/api/admin/groups", json::to_json(body));
  expect(response, {201}, "create the group");
  return contract::read<contract::Group>(response.json());
}
void show_created(const contract::Group& group, const Args& args) {
  print("Created the group {} (id {}).", args.text("NAME"), escape_control(group.id));
}

Done delete_group(const Args& args) {
  Api api;
  const auto group = group_of(api, args.text("GROUP"));
  expect(api.del(path_of(group)), {200, 204}, "delete the group");
  return {"deleted", "group", group.name, {}};
}

std::vector<contract::Member> list_members(const Args& args) {
  Api api;
  return fetch<std::vector<contract::Member>>(api, path_of(group_of(api, args.text("GROUP")), "/members"),
                                              "list the members");
}
void show_members(const std::vector<contract::Member>& members) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& member : members)
    rows.push_back({member.email, member.name.value_or(""), member.source, yes_no(member.active)});
  out(columns_text({"EMAIL", "NAME", "SOURCE", "ACTIVE"}, rows));
}

Done add_member(const Args& args) {
  Api api;
  const auto group = group_of(api, args.text("GROUP"));
  expect(api.post(path_of(group, "/members"), json::to_json(contract::AddMember{args.text("EMAIL")})),
         {201, 200}, "add the member");
  return {"added", "member", args.text("EMAIL"), group.name};
}

Done remove_member(const Args& args) {
  Api api;
  const auto group = group_of(api, args.text("GROUP"));
  expect(
      api.del(path_of(group, "/members/") + http_client::percent_encode(user_id_of(api, args.text("EMAIL")))),
      {200, 204}, "remove the member");
  return {"removed", "member", args.text("EMAIL"), group.name};
}

std::vector<contract::Grant> list_grants(const Args& args) {
  Api api;
  Params params;
  if (const auto type = args.find("type")) params.emplace_back("resource_type", *type);
  if (const auto group = args.find("group")) params.emplace_back("group_id", group_of(api, *group).id);
  return fetch<std::vector<contract::Grant>>(api, "/api/admin/grants", "list the grants", params);
}
void show_grants(const std::vector<contract::Grant>& grants) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& grant : grants)
    rows.push_back(
        {grant.group_name, grant.resource_type, grant.resource_id, grant.assigned_by.value_or(""), grant.id});
  out(columns_text({"GROUP", "TYPE", "RESOURCE", "GRANTED BY", "ID"}, rows));
}

std::vector<contract::Grant> grants_of(Api& api, const std::string& group, const std::string& type) {
  return fetch<std::vector<contract::Grant>>(api, "/api/admin/grants", "list the grants",
                                             {{"group_id", group}, {"resource_type", type}});
}

// Of several, those that are granted already stay.
std::vector<contract::Grant> create_grants(const Args& args) {
  Api api;
  const auto group = group_of(api, args.text("GROUP")).id;
  const auto type = args.text("TYPE");
  const auto wanted = resource_ids(api, type, args.text("RESOURCES"), true);
  std::map<std::string, contract::Grant> there;
  if (wanted.size() > 1)
    for (auto& grant : grants_of(api, group, type)) there.emplace(grant.resource_id, grant);
  std::vector<contract::Grant> done;
  for (const auto& id : wanted) {
    if (const auto found = there.find(id); found != there.end()) {
      done.push_back(found->second);
      continue;
    }
    const Response response =
        api.post("/api/admin/grants", json::to_json(contract::CreateGrant{group, type, id}));
    expect(response, {201}, fmt::format("grant {}", escape_control(id)));
    done.push_back(contract::read<contract::Grant>(response.json()));
  }
  return done;
}
void show_granted(const std::vector<contract::Grant>& grants) {
  for (const auto& grant : grants)
    print("The group {} may see {} {} now.", escape_control(grant.group_name),
          escape_control(grant.resource_type), escape_control(grant.resource_id));
}

std::vector<Done> delete_grants(const Args& args) {
  Api api;
  if (!args.find("TYPE")) {
    expect(api.del("/api/admin/grants/" + http_client::percent_encode(args.text("GRANT"))), {200, 204},
           "delete the grant");
    return {{"deleted", "grant", args.text("GRANT"), {}}};
  }
  const std::string type = args.text("TYPE");
  const auto resources = resource_ids(api, type, args.text("RESOURCES"), false);
  const auto group = group_of(api, args.text("GRANT"));
  const auto grants = grants_of(api, group.id, type);
  std::vector<contract::Grant> chosen;
  for (const auto& resource : resources) {
    const auto found = std::find_if(grants.begin(), grants.end(),
                                    [&](const auto& grant) { return grant.resource_id == resource; });
    if (found == grants.end())
      throw Failure(Cause::not_found,
                    fmt::format("the group {} has no grant for {} {}, so nothing was taken back",
                                escape_control(group.name), escape_control(type), escape_control(resource)),
                    fmt::format("agnes admin grant list --group {}", escape_control(group.name)));
    chosen.push_back(*found);
  }
  std::vector<Done> done;
  for (const auto& grant : chosen) {
    expect(api.del("/api/admin/grants/" + http_client::percent_encode(grant.id)), {200, 204},
           "delete the grant");
    done.push_back({"deleted", "grant", type + " " + grant.resource_id, group.name});
  }
  return done;
}
void show_taken_back(const std::vector<Done>& done) {
  for (const auto& grant : done)
    if (grant.group)
      print("The group {} may not see {} any more.", escape_control(*grant.group),
            escape_control(grant.name));
    else
      show_done(grant);
}

std::vector<contract::ResourceType> list_types(const Args&) {
  Api api;
  return fetch<std::vector<contract::ResourceType>>(api, "/api/admin/resource-types",
                                                    "list the types of resources");
}
void show_types(const std::vector<contract::ResourceType>& types) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& type : types) rows.push_back({type.key, type.display_name, type.id_format});
  out(columns_text({"TYPE", "NAME", "FORM OF AN ID"}, rows));
}

Command group_command() {
  return {.name = "group",
          .help = "Groups and their members",
          .commands = {{.name = "list", .help = "List the groups", .run = answers(list_groups, show_groups)},
                       {.name = "create",
                        .help = "Create a group",
                        .arguments = {{.name = "NAME", .help = "The group's name"}},
                        .options = {{.names = "--description", .value = "TEXT", .help = "What it is for"}},
                        .run = answers(create_group, show_created)},
                       {.name = "delete",
                        .help = "Delete a group",
                        .arguments = {kGroup},
                        .run = answers(delete_group, show_done),
                        .question = "Delete the group {GROUP}, with its members and grants?"},
                       {.name = "members",
                        .help = "List a group's members",
                        .arguments = {kGroup},
                        .run = answers(list_members, show_members)},
                       {.name = "add-member",
                        .help = "Add a user to a group",
                        .arguments = {kGroup, kEmail},
                        .run = answers(add_member, show_done)},
                       {.name = "remove-member",
                        .help = "Take a user out of a group",
                        .arguments = {kGroup, kEmail},
                        .run = answers(remove_member, show_done)}}};
}

Command grant_command() {
  return {
      .name = "grant",
      .help = "What each group may see",
      .commands = {
          {.name = "list",
           .help = "List the grants",
           .options = {{.names = "--type", .value = "TYPE", .help = "Only this type of resource"},
                       {.names = "--group", .value = "GROUP", .help = "Only this group's, by id or name"}},
           .run = answers(list_grants, show_grants)},
          {.name = "create",
           .help = "Let a group see something",
           .arguments = {kGroup,
                         {.name = "TYPE",
                          .help = "What it is, as agnes admin grant resource-types lists: table, ..."},
                         {.name = "RESOURCES", .help = "Its id or name; several with commas between them"}},
           .run = answers(create_grants, show_granted),
           .example = "  agnes admin grant create sales table customers,orders\n"},
          {.name = "delete",
           .help = "Take a grant back",
           .arguments = {{.name = "GRANT",
                          .help = "The grant's id; or a group's id or name, with the next two"},
                         {.name = "TYPE", .help = "The type of what it sees", .required = false},
                         {.name = "RESOURCES",
                          .help = "Its id or name; several with commas between them",
                          .required = false}},
           .run = answers(delete_grants, show_taken_back),
           .example = "  agnes admin grant delete sales table customers\n"},
          {.name = "resource-types",
           .help = "List what can be granted",
           .run = answers(list_types, show_types)}}};
}
}  // namespace

std::vector<Command> admin_group_commands() {
  return {group_command(), grant_command()};
}

}  // namespace agnes::cli
