#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "lib/base/text.h"

// agnes admin group, agnes admin grant
namespace agnes::cli {

namespace json = boost::json;

namespace {
const Argument kGroup{.name = "GROUP", .help = "The group's id or name"};
const Argument kEmail{.name = "EMAIL", .help = "The user's email address"};
const Option kJson{.names = "--json", .value = "", .help = "Print the server's answer as JSON"};

void print_rows(const json::value& list, const std::vector<std::string>& headings,
                const std::vector<std::string>& keys) {
  std::vector<std::vector<std::string>> rows;
  if (list.is_array())
    for (const auto& item : list.get_array()) {
      if (!item.is_object()) continue;
      auto& row = rows.emplace_back();
      for (const auto& key : keys) row.push_back(plain(item.get_object(), key));
    }
  out(columns_text(headings, rows));
}

std::string group_path(Api& api, const Args& args, const std::string& rest = "") {
  return "/api/admin/groups/" + http_client::percent_encode(group_id_of(api, args.text("GROUP"))) + rest;
}

void list_groups(const Args& args) {
  Api api;
  const auto groups = fetch(api, "/api/admin/groups", "list the groups");
  if (args.flag("json")) return print("{}", pretty(groups));
  print_rows(groups, {"NAME", "DESCRIPTION", "SYSTEM", "MEMBERS", "GRANTS", "ID"},
             {"name", "description", "is_system", "member_count", "grant_count", "id"});
}

void create_group(const Args& args) {
  Api api;
  const auto description = args.find("description");
  const Response response = api.post(
      "/api/admin/groups", {{"name", args.text("NAME")},
                            {"description", description ? json::value(*description) : json::value(nullptr)}});
  expect(response, {201}, "create the group");
  print("Created the group {} (id {}).", args.text("NAME"), shown(response.json().as_object(), "id"));
}

void delete_group(const Args& args) {
  Api api;
  expect(api.del(group_path(api, args)), {200, 204}, "delete the group");
  print("Deleted the group {}.", args.text("GROUP"));
}

void list_members(const Args& args) {
  Api api;
  const auto members = fetch(api, group_path(api, args, "/members"), "list the members");
  print_rows(members, {"EMAIL", "NAME", "SOURCE", "ACTIVE"}, {"email", "name", "source", "active"});
}

void add_member(const Args& args) {
  Api api;
  expect(api.post(group_path(api, args, "/members"), {{"email", args.text("EMAIL")}}), {201, 200},
         "add the member");
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
  print_rows(grants, {"GROUP", "TYPE", "RESOURCE", "GRANTED BY", "ID"},
             {"group_name", "resource_type", "resource_id", "assigned_by", "id"});
}

void create_grant(const Args& args) {
  Api api;
  const json::object body{{"group_id", group_id_of(api, args.text("GROUP"))},
                          {"resource_type", args.text("TYPE")},
                          {"resource_id", args.text("RESOURCE")}};
  expect(api.post("/api/admin/grants", body), {201}, "make the grant");
  print("The group {} may see {} {} now.", args.text("GROUP"), args.text("TYPE"), args.text("RESOURCE"));
}

void delete_grant(const Args& args) {
  Api api;
  expect(api.del("/api/admin/grants/" + http_client::percent_encode(args.text("GRANT"))), {200, 204},
         "delete the grant");
  print("Deleted the grant {}.", args.text("GRANT"));
}

void list_types(const Args& args) {
  Api api;
  const auto types = fetch(api, "/api/admin/resource-types", "list the types of resources");
  if (args.flag("json")) return print("{}", pretty(types));
  print_rows(types, {"TYPE", "NAME", "FORM OF AN ID"}, {"key", "display_name", "id_format"});
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
          {.name = "delete", .help = "Delete a group", .arguments = {kGroup}, .run = delete_group},
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
  return {.name = "grant",
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
                             {.name = "RESOURCE", .help = "Its id"}},
               .run = create_grant,
               .example = "  agnes admin grant create sales table customers\n"},
              {.name = "delete",
               .help = "Take a grant back",
               .arguments = {{.name = "GRANT", .help = "The grant's id"}},
               .run = delete_grant},
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
