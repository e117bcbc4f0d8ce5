#pragma once

#include <optional>
#include <string>

#include "lib/base/json.h"

// Personal access tokens: /auth/tokens.
namespace agnes::contract {

struct CreateToken {
  std::string name;
  std::optional<std::int64_t> expires_in_days = 90;
  std::string scope = "general";
  std::optional<std::int64_t> ttl_seconds;
  static constexpr json::Rule rules[] = {
      {.field = "name", .max_length = 200},
      {.field = "expires_in_days", .description = "null: it never expires", .has_default = true},
      {.field = "scope",
       .description = "a label kept in the token; bootstrap-analyst lives an hour at most",
       .has_default = true,
       .max_length = 100},
      {.field = "ttl_seconds", .description = "instead of expires_in_days"},
  };
};
BOOST_DESCRIBE_STRUCT(CreateToken, (), (name, expires_in_days, scope, ttl_seconds))

struct TokenCreated {
  std::string id, name, prefix, token;
  std::optional<std::string> expires_at;
  std::string created_at;
  static constexpr json::Rule rules[] = {
      {.field = "token", .description = "shown this once and kept nowhere"}};
};
BOOST_DESCRIBE_STRUCT(TokenCreated, (), (id, name, prefix, token, expires_at, created_at))

struct Token {
  std::string id, name, prefix, created_at;
  std::optional<std::string> expires_at, last_used_at, revoked_at;
};
BOOST_DESCRIBE_STRUCT(Token, (), (id, name, prefix, created_at, expires_at, last_used_at, revoked_at))

struct AdminToken : Token {
  std::string user_id;
  std::optional<std::string> user_email, last_used_ip;
};
BOOST_DESCRIBE_STRUCT(AdminToken, (Token), (user_id, user_email, last_used_ip))

}  // namespace agnes::contract
