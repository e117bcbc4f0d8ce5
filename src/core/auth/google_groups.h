#pragma once

#include <string>
#include <vector>

#include "core/identity/directory.h"
#include "core/identity/settings.h"
#include "lib/base/error.h"

namespace agnes::auth::google {

// The addresses, in lower case, of all groups that the Workspace account `email` is in, directly or through
// other groups: groups.memberships.searchTransitiveGroups of the Cloud Identity API at `api`
// ("https://cloudidentity.googleapis.com"), as far as the owner of `access_token` may see them. Groups
// outside a company (googlegroups.com), which anybody can make, are left out. Throws Error when not all could
// be read, TokenRefused for a token that is not good any more.
std::vector<std::string> read_groups(const std::string& api, const std::string& access_token,
                                     const std::string& email);

// The same as an administrator sees it: groups.list of the Admin SDK's Directory API at `api`
// ("https://admin.googleapis.com"), with the user's direct memberships, those of dynamic groups among them.
std::vector<std::string> read_directory_groups(const std::string& api, const std::string& access_token,
                                               const std::string& email);

class TokenRefused : public Error {
 public:
  TokenRefused() : Error(ErrorKind::bad_gateway, "the groups API answered 401") {}
};

// Which of a Workspace's groups count, and what they are here.
struct GroupRules {
  std::string prefix;          // lower case; only groups whose address begins so; empty: all
  std::string admin_email;     // lower case; the group whose members are in Admin; empty: none
  std::string everyone_email;  // the same for Everyone
};

GroupRules group_rules(const identity::GroupSettings& settings);

// Those of `groups` that count.
std::vector<std::string> relevant_groups(const std::vector<std::string>& groups, const GroupRules& rules);

// Makes `user` a member, by source "google_sync", of exactly `groups` (relevant ones), and makes those that
// are missing. Memberships that somebody else gave stay as they are. Audited; nothing is written when nothing
// changes.
void sync_groups(identity::Directory& directory, const identity::User& user,
                 const std::vector<std::string>& groups, const GroupRules& rules, const std::string& address);

// What that would change: names of groups, sorted.
struct Preview {
  std::vector<std::string> joined, left;
};
Preview preview(const identity::Tables& tables, const identity::User& user,
                const std::vector<std::string>& groups, const GroupRules& rules);

}  // namespace agnes::auth::google
