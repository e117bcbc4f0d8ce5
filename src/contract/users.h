#pragma once

#include "contract/access.h"

// Accounts: /api/users, /api/me, and signing in: /auth/token.
namespace agnes::contract {

enum class Role { user, admin };
BOOST_DESCRIBE_ENUM(Role, user, admin)

struct GroupBrief {
  std::string id, name;
  bool is_system = false;
  Origin origin = Origin::custom;
};
BOOST_DESCRIBE_STRUCT(GroupBrief, (), (id, name, is_system, origin))

struct User {
  std::string id, email;
  std::optional<std::string> name;
  Role role = Role::user;
  bool is_admin = false, is_sso_user = false;
  std::vector<GroupBrief> groups;
  bool active = true;
  std::optional<std::string> created_at, deactivated_at, invite_url;
  std::optional<bool> invite_email_sent;
};
BOOST_DESCRIBE_STRUCT(User, (),
                      (id, email, name, role, is_admin, is_sso_user, groups, active, created_at,
                       deactivated_at, invite_url, invite_email_sent))

struct ResetLink {
  std::string reset_url;
  bool email_sent = false;
};
BOOST_DESCRIBE_STRUCT(ResetLink, (), (reset_url, email_sent))

struct Profile {
  std::string id, email;
  std::optional<std::string> name;
  bool is_admin = false, onboarded = false;
};
BOOST_DESCRIBE_STRUCT(Profile, (), (id, email, name, is_admin, onboarded))

struct Onboarded {
  std::string status = "ok";
  bool onboarded = false;
};
BOOST_DESCRIBE_STRUCT(Onboarded, (), (status, onboarded))

struct SignedIn {
  std::string access_token, token_type = "bearer", user_id, email;
  Role role = Role::user;
};
BOOST_DESCRIBE_STRUCT(SignedIn, (), (access_token, token_type, user_id, email, role))

// What agnes has got from the page on which it was allowed.
struct CliCode {
  std::string code, code_verifier;
  static constexpr json::Rule rules[] = {{.field = "code", .max_length = 20},
                                         {.field = "code_verifier", .max_length = 128}};
};
BOOST_DESCRIBE_STRUCT(CliCode, (), (code, code_verifier))

}  // namespace agnes::contract
