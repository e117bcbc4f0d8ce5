#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/read.h"
#include "contract/tokens.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
// "30d" -> 30; "never" -> null
std::optional<std::int64_t> days_of(const std::string& ttl) {
  const std::string text = to_lower(trim(ttl));
  if (text.empty() || text == "never" || text == "none" || text == "no-expiry") return std::nullopt;
  const auto days =
      text.ends_with('d') ? parse_int(std::string_view(text).substr(0, text.size() - 1)) : std::nullopt;
  if (!days || *days <= 0)
    throw Failure(Cause::usage,
                  fmt::format("--ttl '{}' is not a lifetime: 30d, 90d, 365d, or never", escape_control(ttl)));
  return *days;
}

contract::TokenCreated create(const Args& args) {
  // No more than every server knows.
  const boost::json::object body{{"name", args.text("name")},
                                 {"expires_in_days", json::to_json(days_of(args.text("ttl")))}};
  Api api;
  const Response response = api.post("/auth/tokens", body);
  expect(response, {201}, "make a token");
  auto made = contract::read<contract::TokenCreated>(response.json());
  if (made.token.empty())
    throw Failure(Cause::server_fault, "cannot make a token: the server's answer holds none");
  return made;
}
void show_created(const contract::TokenCreated& made, const Args& args) {
  if (args.flag("raw")) return print("{}", escape_control(made.token));
  print("Made the token {} (id {}, {}). It is shown this once:", escape_control(made.name),
        escape_control(made.id),
        made.expires_at ? "expires " + escape_control(*made.expires_at) : "never expires");
  print("\n    {}\n", escape_control(made.token));
  print("Use it with: export AGNES_TOKEN=..., or agnes auth import-token --token -");
}

std::vector<contract::Token> list(const Args&) {
  Api api;
  return fetch<std::vector<contract::Token>>(api, "/auth/tokens", "list your tokens");
}
void show_list(const std::vector<contract::Token>& tokens) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& token : tokens)
    rows.push_back({token.id, token.name, token.prefix, token.expires_at.value_or("never"),
                    token.last_used_at.value_or("-"), token.revoked_at ? "revoked" : "active"});
  if (rows.empty()) return print("No tokens yet: agnes auth token create --name NAME");
  out(columns_text({"ID", "NAME", "PREFIX", "EXPIRES", "LAST USED", "STATUS"}, rows));
}

struct Revoked {
  std::string id, name;
};
BOOST_DESCRIBE_STRUCT(Revoked, (), (id, name))

Revoked revoke(const Args& args) {
  Api api;
  const std::string wanted = args.text("TOKEN");
  std::vector<contract::Token> matches;
  for (const auto& token : fetch<std::vector<contract::Token>>(api, "/auth/tokens", "list your tokens")) {
    if (token.id == wanted) {
      matches = {token};
      break;
    }
    if (token.prefix == wanted || iequals(token.name, wanted)) matches.push_back(token);
  }
  // Of several with one name, those that are revoked already are not meant.
  if (matches.size() > 1)
    std::erase_if(matches, [](const contract::Token& token) { return token.revoked_at.has_value(); });
  if (matches.empty())
    throw Failure(Cause::not_found,
                  fmt::format("none of your tokens has the id, prefix or name '{}'", escape_control(wanted)),
                  "agnes auth token list");
  if (matches.size() > 1)
    throw Failure(Cause::failed,
                  fmt::format("{} of your tokens are called '{}'", matches.size(), escape_control(wanted)),
                  "name one by its id (agnes auth token list)");
  expect(api.del("/auth/tokens/" + http_client::percent_encode(matches[0].id)), {204, 200},
         "revoke the token");
  return {matches[0].id, matches[0].name};
}
void show_revoked(const Revoked& token) {
  print("Revoked the token {} ({}).", escape_control(token.name), escape_control(token.id));
}
}  // namespace

Command auth_token_command() {
  return {.name = "token",
          .help = "Personal access tokens, for machines and other programs",
          .commands = {
              {.name = "create",
               .help = "Make a token",
               .options = {{.names = "--name", .value = "NAME", .help = "What it is for", .required = true},
                           {.names = "--ttl",
                            .value = "TIME",
                            .help = "How long it lasts: 30d, 365d, never",
                            .fallback = "90d"},
                           {.names = "--raw", .value = "", .help = "Print the token and nothing else"}},
               .run = answers(create, show_created)},
              {.name = "list", .help = "List your tokens", .run = answers(list, show_list)},
              {.name = "revoke",
               .help = "Make a token worthless",
               .arguments = {{.name = "TOKEN", .help = "Its id, prefix or name"}},
               .run = answers(revoke, show_revoked)}}};
}

}  // namespace agnes::cli
