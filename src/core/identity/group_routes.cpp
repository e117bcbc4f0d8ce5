#include "core/identity/routes.h"
#include "core/identity/views.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

using http::Auth;
using http::Request;
using GroupId = http::Param<"group_id">;
using UserId = http::Param<"user_id">;

contract::Member view_of(const Tables& tables, const Member& member) {
  const auto& user = *tables.user(member.user_id);
  return {user.id,        user.email, user.name, user.active, member.source, shown(member.added_at),
          member.added_by};
}

const Group& existing_group(const Tables& tables, const std::string& id) {
  const auto* group = tables.group(id);
  if (group == nullptr) throw Error(ErrorKind::not_found, "Group not found");
  return *group;
}
const User& existing_user(const Tables& tables, const std::string& id) {
  const auto* user = tables.user(id);
  if (user == nullptr) throw Error(ErrorKind::not_found, "User not found");
  return *user;
}

Actor actor(const Caller& caller, const Request& request) {
  return Actor::of(caller, request.client_address());
}

contract::Group view_of(Identity& identity, const Group& group) {
  return identity.directory().read([&](const Tables& t) { return view_of(t, group, identity.settings()); });
}

void add_membership_routes(http::Routes& routes, Identity& identity) {
  routes.get("/api/admin/users/{user_id}/memberships",
             {.auth = Auth::admin, .tag = "access", .summary = "The groups of a user"},
             [&identity](const UserId& id) {
               return identity.directory().read([&](const Tables& tables) {
                 existing_user(tables, *id);
                 std::vector<contract::Membership> out;
                 for (const auto* member : tables.memberships_of(*id))
                   out.push_back(view_of(tables, *member, identity.settings()));
                 return out;
               });
             });
  routes.post("/api/admin/users/{user_id}/memberships",
              {.auth = Auth::admin, .status = 201, .tag = "access", .summary = "Add a user to a group"},
              [&identity](const Caller& caller, const Request& request, const UserId& id,
                          const contract::AddMembership& body) {
                identity.directory().read([&](const Tables& tables) { existing_user(tables, *id); });
                auto member =
                    identity.groups().add_member(actor(caller, request), body.group_id, *id, "user:" + *id);
                member.added_at.reset();  // as the contract answers here
                return identity.directory().read(
                    [&](const Tables& tables) { return view_of(tables, member, identity.settings()); });
              });
  routes.del(
      "/api/admin/users/{user_id}/memberships/{group_id}",
      {.auth = Auth::admin, .tag = "access", .summary = "Remove a user from a group"},
      [&identity](const Caller& caller, const Request& request, const UserId& id, const GroupId& group_id) {
        identity.groups().remove_member(actor(caller, request), *group_id, *id, "user:" + *id);
      });
  routes.get(
      "/api/admin/users/{user_id}/effective-access",
      {.auth = Auth::admin, .tag = "access", .summary = "What a user was granted, and by which groups"},
      [&identity](const UserId& id) {
        return identity.directory().read([&](const Tables& tables) {
          existing_user(tables, *id);
          return effective_access(tables, *id);
        });
      });
}

}  // namespace

void add_group_routes(http::Routes& routes, Identity& identity) {
  routes.get("/api/admin/groups", {.auth = Auth::admin, .tag = "access", .summary = "All groups"},
             [&identity] {
               return identity.directory().read([&](const Tables& tables) {
                 std::vector<contract::Group> out;
                 for (const auto* group : tables.groups())
                   out.push_back(view_of(tables, *group, identity.settings()));
                 return out;
               });
             });
  routes.get("/api/admin/groups/{group_id}", {.auth = Auth::admin, .tag = "access", .summary = "One group"},
             [&identity](const GroupId& id) {
               return identity.directory().read([&](const Tables& tables) {
                 return view_of(tables, existing_group(tables, *id), identity.settings());
               });
             });
  routes.post("/api/admin/groups",
              {.auth = Auth::admin, .status = 201, .tag = "access", .summary = "Create a group"},
              [&identity](const Caller& caller, const Request& request, const contract::CreateGroup& body) {
                return view_of(identity,
                               identity.groups().create(actor(caller, request), body.name, body.description));
              });
  routes.patch("/api/admin/groups/{group_id}",
               {.auth = Auth::admin, .tag = "access", .summary = "Rename or describe a group"},
               [&identity](const Caller& caller, const Request& request, const GroupId& id,
                           const contract::UpdateGroup& body) {
                 return view_of(identity, identity.groups().update(actor(caller, request), *id, body.name,
                                                                   body.description));
               });
  routes.del("/api/admin/groups/{group_id}",
             {.auth = Auth::admin, .tag = "access", .summary = "Delete a group, its members and grants"},
             [&identity](const Caller& caller, const Request& request, const GroupId& id) {
               identity.groups().remove(actor(caller, request), *id);
             });
  routes.get("/api/admin/groups/{group_id}/members",
             {.auth = Auth::admin, .tag = "access", .summary = "The members of a group"},
             [&identity](const GroupId& id) {
               return identity.directory().read([&](const Tables& tables) {
                 existing_group(tables, *id);
                 std::vector<contract::Member> out;
                 for (const auto* member : tables.members_of(*id)) out.push_back(view_of(tables, *member));
                 return out;
               });
             });
  routes.post(
      "/api/admin/groups/{group_id}/members",
      {.auth = Auth::admin, .status = 201, .tag = "access", .summary = "Add a member by email address"},
      [&identity](const Caller& caller, const Request& request, const GroupId& id,
                  const contract::AddMember& body) {
        const auto user_id = identity.directory().read([&](const Tables& tables) {
          existing_group(tables, *id);
          const auto* user = tables.user_by_email(trim(body.email));
          if (user == nullptr) throw Error(ErrorKind::not_found, "no account has this email address");
          return user->id;
        });
        auto member = identity.groups().add_member(actor(caller, request), *id, user_id, "group:" + *id);
        member.added_at.reset();  // as the contract answers here
        return identity.directory().read([&](const Tables& tables) {
          existing_user(tables, user_id);
          return view_of(tables, member);
        });
      });
  routes.del(
      "/api/admin/groups/{group_id}/members/{user_id}",
      {.auth = Auth::admin, .tag = "access", .summary = "Remove a member"},
      [&identity](const Caller& caller, const Request& request, const GroupId& id, const UserId& user_id) {
        identity.groups().remove_member(actor(caller, request), *id, *user_id, "group:" + *id);
      });
  add_membership_routes(routes, identity);
}

}  // namespace agnes::identity
