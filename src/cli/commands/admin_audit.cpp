#include "cli/commands/admin_lookup.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/access.h"
#include "contract/audit.h"
#include "contract/read.h"
#include "lib/base/text.h"

// agnes admin audit, agnes admin access
namespace agnes::cli {

namespace {
contract::AuditPage read_audit(const Args& args) {
  Api api;
  Params params{{"limit", std::to_string(args.number("limit"))}};
  for (const char* name : {"user", "action", "resource", "since", "until", "before"})
    if (const auto text = args.find(name)) params.emplace_back(name, *text);
  auto page = fetch<contract::AuditPage>(api, "/api/admin/audit", "read the audit log", params);
  // Somebody who is gone has left entries all the same, so whether there is such a user is asked last.
  if (const auto user = args.find("user"); user && page.entries.empty()) find_user(api, *user);
  return page;
}
void show_audit(const contract::AuditPage& page) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : page.entries)
    rows.push_back({format_iso(entry.timestamp).substr(0, 19),
                    entry.user_email.value_or(entry.user_id.value_or("")), entry.action,
                    entry.resource.value_or(""), entry.params.is_null() ? "" : compact(entry.params)});
  out(columns_text({"TIME (UTC)", "WHO", "ACTION", "WHAT", "MORE"}, rows));
  if (page.before) note("There is more: --before {}", escape_control(*page.before));
}

contract::EffectiveAccess read_access(const Args& args) {
  Api api;
  const auto id = user_id_of(api, args.text("USER"));
  return fetch<contract::EffectiveAccess>(
      api, fmt::format("/api/admin/users/{}/effective-access", http_client::percent_encode(id)),
      "read what the user may see");
}
void show_access(const contract::EffectiveAccess& access, const Args& args) {
  if (access.is_admin) print("{} is an administrator and sees everything.", args.text("USER"));
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : access.items) {
    std::vector<std::string> groups;
    for (const auto& group : item.via_groups) groups.push_back(group.group_name);
    rows.push_back({item.resource_type, item.resource_id, join(groups, ", ")});
  }
  if (!rows.empty()) return out(columns_text({"TYPE", "RESOURCE", "BY GROUPS"}, rows));
  if (!access.is_admin)
    print("{} sees nothing yet: agnes admin grant create GROUP table TABLES, for a group that they are in.",
          args.text("USER"));
}
}  // namespace

std::vector<Command> admin_audit_commands() {
  return {
      {.name = "access",
       .help = "What a user may see, and by which groups",
       .arguments = {{.name = "USER", .help = "The user's email address or id"}},
       .run = answers(read_access, show_access)},
      {.name = "audit",
       .help = "Who did what, newest first",
       .options =
           {{.names = "--user", .value = "USER", .help = "Only what this user did, by email address or id"},
            {.names = "--action", .value = "ACTION", .help = "user.create, or all that begin alike: user.*"},
            {.names = "--resource", .value = "WHAT", .help = "user:ID, or all that begin alike: user:*"},
            {.names = "--since", .value = "TIME", .help = "From then on, UTC: 2026-01-31T12:00:00Z"},
            {.names = "--until", .value = "TIME", .help = "Before that time"},
            {.names = "--before", .value = "ID", .help = "Only what is older than the entry of this id"},
            {.names = "--limit", .value = "N", .help = "At most this many, 1000 at most", .fallback = "50"}},
       .run = answers(read_audit, show_audit),
       .example = "  agnes admin audit --action 'resource_grant.*' --since 2026-01-31\n"}};
}

}  // namespace agnes::cli
