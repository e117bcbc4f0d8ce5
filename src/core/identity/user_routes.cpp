#include <fmt/format.h>

#include "contract/users.h"
#include "core/identity/routes.h"
#include "core/identity/views.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

using http::Auth;
using http::Request;
using UserId = http::Param<"user_id">;

std::string problem_with_name(std::string_view name) {
  return escape_control(name) == name ? "" : "must not hold control characters";
}

struct CreateUser {
  std::string email, name;
  bool send_invite = false;
  static constexpr json::Rule rules[] = {
      {.field = "email", .check = &problem_with_email},
      {.field = "name", .max_length = 200, .check = &problem_with_name},
      {.field = "send_invite", .has_default = true},
  };
};
BOOST_DESCRIBE_STRUCT(CreateUser, (), (email, name, send_invite))

struct UpdateUser {
  std::optional<std::string> name;
  std::optional<bool> active;
  static constexpr json::Rule rules[] = {{.field = "name", .max_length = 200, .check = &problem_with_name}};
};
BOOST_DESCRIBE_STRUCT(UpdateUser, (), (name, active))

struct SetPassword {
  std::string password;
};
BOOST_DESCRIBE_STRUCT(SetPassword, (), (password))

contract::User view_of(const Tables& tables, const User& user, const Settings& settings) {
  contract::User view;
  view.id = user.id;
  view.email = user.email;
  view.name = user.name;
  view.is_admin = tables.is_admin(user.id);
  view.role = view.is_admin ? contract::Role::admin : contract::Role::user;
  view.is_sso_user = is_outside_user(tables, user.id, settings);
  for (const auto* member : tables.memberships_of(user.id)) {
    const auto& group = *tables.group(member->group_id);
    view.groups.push_back({group.id, group.name, group.is_system, origin_of(group, settings)});
  }
  view.active = user.active;
  view.created_at = shown(user.created_at).value_or("");
  view.deactivated_at = shown(user.deactivated_at);
  return view;
}

contract::User view_of(Identity& identity, const User& user) {
  return identity.directory().read(
      [&](const Tables& tables) { return view_of(tables, user, identity.settings()); });
}

// An admin's own request says well enough where the server is, when nothing else does.
std::string link_to(const EmailOutbox& outbox, const Request& request, Users::Link kind,
                    const std::string& email, const std::string& secret) {
  return link_address(outbox.address().for_request(request), kind, email, secret);
}

}  // namespace

void add_user_routes(http::Routes& routes, Identity& identity, EmailOutbox& outbox) {
  const auto actor = [](const Caller& caller, const Request& request) {
    return Actor::of(caller, request.client_address());
  };
  routes.get("/api/users", {.auth = Auth::admin, .tag = "users", .summary = "All accounts"}, [&identity] {
    return identity.directory().read([&](const Tables& tables) {
      std::vector<contract::User> out;
      for (const auto* user : tables.users()) out.push_back(view_of(tables, *user, identity.settings()));
      return out;
    });
  });
  routes.get("/api/users/{user_id}", {.auth = Auth::admin, .tag = "users", .summary = "One account"},
             [&identity](const UserId& id) {
               return identity.directory().read([&](const Tables& tables) {
                 const auto* user = tables.user(*id);
                 if (user == nullptr) throw Error(ErrorKind::not_found, "User not found");
                 return view_of(tables, *user, identity.settings());
               });
             });
  routes.post(
      "/api/users",
      {.auth = Auth::admin,
       .status = 201,
       .tag = "users",
       .summary = "Create an account",
       .description =
           "It is in no group. With `send_invite`, the answer holds the link by which its owner sets "
           "a password, and they are sent it by mail where mail is set up."},
      [&identity, &outbox, actor](const Caller& caller, const Request& request, const CreateUser& body) {
        const auto by = actor(caller, request);
        const auto user = identity.users().create(by, body.email, body.name);
        auto view = view_of(identity, user);
        if (body.send_invite) {
          const auto secret = identity.users().make_link(by, user.id, Users::Link::setup);
          view.invite_url = link_to(outbox, request, Users::Link::setup, user.email, secret);
          view.invite_email_sent = outbox.send(Users::Link::setup, user.email, *view.invite_url);
        }
        return view;
      });
  routes.patch("/api/users/{user_id}", {.auth = Auth::admin, .tag = "users", .summary = "Change an account"},
               [&identity, actor](const Caller& caller, const Request& request, const UserId& id,
                                  const UpdateUser& body) {
                 return view_of(identity,
                                identity.users().update(actor(caller, request), *id, body.name, body.active));
               });
  routes.del("/api/users/{user_id}", {.auth = Auth::admin, .tag = "users", .summary = "Delete an account"},
             [&identity, actor](const Caller& caller, const Request& request, const UserId& id) {
               identity.users().remove(actor(caller, request), *id);
             });
  routes.post("/api/users/{user_id}/reset-password",
              {.auth = Auth::admin, .tag = "users", .summary = "Make a link for setting a new password"},
              [&identity, &outbox, actor](const Caller& caller, const Request& request,
                                          const UserId& id) -> contract::ResetLink {
                const auto secret =
                    identity.users().make_link(actor(caller, request), *id, Users::Link::reset);
                const auto email = identity.directory().read([&](const Tables& tables) {
                  return tables.user(*id) != nullptr ? tables.user(*id)->email : "";
                });
                const auto url = link_to(outbox, request, Users::Link::reset, email, secret);
                return {url, outbox.send(Users::Link::reset, email, url)};
              });
  routes.post("/api/users/{user_id}/set-password",
              {.auth = Auth::admin,
               .status = 204,
               .tag = "users",
               .summary = "Set an account's password",
               .executor = http::Executor::compute},
              [&identity, actor](const Caller& caller, const Request& request, const UserId& id,
                                 const SetPassword& body) {
                identity.users().set_password(actor(caller, request), *id, body.password);
              });
  routes.post("/api/users/{user_id}/deactivate",
              {.auth = Auth::admin, .tag = "users", .summary = "Deactivate an account"},
              [&identity, actor](const Caller& caller, const Request& request, const UserId& id) {
                return view_of(identity,
                               identity.users().update(actor(caller, request), *id, std::nullopt, false));
              });
  routes.post("/api/users/{user_id}/activate",
              {.auth = Auth::admin, .tag = "users", .summary = "Activate an account again"},
              [&identity, actor](const Caller& caller, const Request& request, const UserId& id) {
                return view_of(identity,
                               identity.users().update(actor(caller, request), *id, std::nullopt, true));
              });
}

}  // namespace agnes::identity
