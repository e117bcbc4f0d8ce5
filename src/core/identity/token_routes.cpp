#include <fmt/format.h>

#include "contract/tokens.h"
#include "core/identity/routes.h"
#include "core/identity/views.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

using http::Auth;

constexpr std::int64_t kLongestDays = 3650;

contract::Token view_of(const Token& token) {
  return {token.id,
          token.name,
          token.prefix,
          shown(token.created_at).value_or(""),
          shown(token.expires_at),
          shown(token.last_used_at),
          shown(token.revoked_at)};
}

// Times that the server makes while it answers carry their zone.
std::string with_zone(Timestamp moment) {
  return format_sql(moment) + "+00:00";
}

Tokens::TokenRequest wish_of(const contract::CreateToken& body) {
  const auto check = [](const std::optional<std::int64_t>& value, const char* name, std::int64_t most) {
    if (value && *value <= 0)
      throw Error(ErrorKind::bad_request, fmt::format("{} must be a positive integer", name));
    if (value && *value > most)
      throw Error(ErrorKind::bad_request, fmt::format("{} must not exceed {} (10 years)", name, most));
  };
  if (trim(body.name).empty()) throw Error(ErrorKind::bad_request, "name is required");
  if (escape_control(body.name) != body.name)
    throw Error(ErrorKind::bad_request, "name must not hold control characters");
  check(body.expires_in_days, "expires_in_days", kLongestDays);
  check(body.ttl_seconds, "ttl_seconds", kLongestDays * 86400);
  Tokens::TokenRequest wish{.name = body.name, .seconds = body.ttl_seconds, .scope = body.scope};
  if (!wish.seconds && body.expires_in_days) wish.seconds = *body.expires_in_days * 86400;
  return wish;
}

}  // namespace

void add_token_routes(http::Routes& routes, Identity& identity) {
  routes.post("/auth/tokens",
              {.auth = Auth::session,
               .status = 201,
               .tag = "tokens",
               .summary = "Create a personal access token",
               .description = "Only for people who signed in: a token cannot make tokens."},
              [&identity](const Caller& caller, const http::Request& request,
                          const contract::CreateToken& body) -> contract::TokenCreated {
                const auto made =
                    identity.tokens().create(Actor::of(caller, request.client_address()), wish_of(body));
                const auto& token = made.token;
                return {token.id,
                        token.name,
                        token.prefix,
                        made.text,
                        token.expires_at ? std::optional(with_zone(*token.expires_at)) : std::nullopt,
                        with_zone(*token.created_at)};
              });
  routes.get("/auth/tokens", {.auth = Auth::user, .tag = "tokens", .summary = "Your tokens"},
             [&identity](const Caller& caller) {
               std::vector<contract::Token> out;
               for (const auto& token : identity.tokens().of(caller.user_id)) out.push_back(view_of(token));
               return out;
             });
  routes.get("/auth/tokens/{token_id}",
             {.auth = Auth::user, .tag = "tokens", .summary = "One of your tokens"},
             [&identity](const Caller& caller, const http::Param<"token_id">& id) {
               const auto token = identity.tokens().get(*id);
               if (!token || token->user_id != caller.user_id)
                 throw Error(ErrorKind::not_found, "Token not found");
               return view_of(*token);
             });
  routes.del(
      "/auth/tokens/{token_id}",
      {.auth = Auth::user, .tag = "tokens", .summary = "Revoke one of your tokens"},
      [&identity](const Caller& caller, const http::Request& request, const http::Param<"token_id">& id) {
        identity.tokens().revoke(Actor::of(caller, request.client_address()), *id);
      });
  routes.get("/auth/admin/tokens", {.auth = Auth::admin, .tag = "tokens", .summary = "Everybody's tokens"},
             [&identity] {
               std::vector<contract::AdminToken> out;
               for (const auto& token : identity.tokens().all()) {
                 auto& view = out.emplace_back();
                 static_cast<contract::Token&>(view) = view_of(token);
                 view.user_id = token.user_id;
                 view.last_used_ip = token.last_used_ip;
               }
               identity.directory().read([&](const Tables& tables) {
                 for (auto& view : out)
                   if (const auto* user = tables.user(view.user_id)) view.user_email = user->email;
               });
               return out;
             });
  routes.del(
      "/auth/admin/tokens/{token_id}",
      {.auth = Auth::admin, .tag = "tokens", .summary = "Revoke anybody's token"},
      [&identity](const Caller& caller, const http::Request& request, const http::Param<"token_id">& id) {
        identity.tokens().revoke_any(Actor::of(caller, request.client_address()), *id);
      });
}

}  // namespace agnes::identity
