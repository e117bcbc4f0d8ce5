#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
// "30d" -> 30; "never" -> null
json::value days_of(const std::string& ttl) {
  const std::string text = to_lower(trim(ttl));
  if (text.empty() || text == "never" || text == "none" || text == "no-expiry") return nullptr;
  const auto days =
      text.ends_with('d') ? parse_int(std::string_view(text).substr(0, text.size() - 1)) : std::nullopt;
  if (!days || *days <= 0)
    throw Failure(kUsage,
                  fmt::format("--ttl '{}' is no lifetime: 30d, 90d, 365d, or never", escape_control(ttl)));
  return *days;
}

void create(const Args& args) {
  const json::object body{{"name", args.text("name")}, {"expires_in_days", days_of(args.text("ttl"))}};
  Api api;
  const Response response = api.post("/auth/tokens", body);
  expect(response, {201}, "make a token");
  const auto answer = response.json();
  if (!answer.is_object()) throw Failure(1, "cannot make a token: the server's answer holds none");
  const auto& token = answer.get_object();
  if (args.flag("raw")) return print("{}", shown(token, "token"));
  const std::string until = plain(token, "expires_at");
  print("Made the token {} (id {}, {}). It is shown this once:", shown(token, "name"), shown(token, "id"),
        until.empty() ? "never expires" : "expires " + until);
  print("\n    {}\n", shown(token, "token"));
  print("Use it with: export AGNES_TOKEN=..., or agnes auth import-token --token ...");
}

void list(const Args& args) {
  Api api;
  const auto answer = fetch(api, "/auth/tokens", "list your tokens");
  if (args.flag("json")) return print("{}", pretty(answer));
  std::vector<std::vector<std::string>> rows;
  if (answer.is_array())
    for (const auto& item : answer.get_array()) {
      if (!item.is_object()) continue;
      const auto& token = item.get_object();
      const std::string until = plain(token, "expires_at"), used = plain(token, "last_used_at");
      rows.push_back({plain(token, "id"), plain(token, "name"), plain(token, "prefix"),
                      until.empty() ? "never" : until, used.empty() ? "-" : used,
                      plain(token, "revoked_at").empty() ? "active" : "revoked"});
    }
  if (rows.empty()) return print("No tokens yet: agnes auth token create --name NAME");
  out(columns_text({"ID", "NAME", "PREFIX", "EXPIRES", "LAST USED", "STATUS"}, rows));
}

void revoke(const Args& args) {
  Api api;
  const std::string wanted = args.text("TOKEN");
  const auto answer = fetch(api, "/auth/tokens", "list your tokens");
  std::vector<json::object> matches;
  if (answer.is_array())
    for (const auto& item : answer.get_array()) {
      if (!item.is_object()) continue;
      const auto& token = item.get_object();
      if (plain(token, "id") == wanted) {
        matches = {token};
        break;
      }
      if (plain(token, "prefix") == wanted || plain(token, "name") == wanted) matches.push_back(token);
    }
  // Of several with one name, those that are revoked already are not meant.
  if (matches.size() > 1)
    std::erase_if(matches, [](const json::object& token) { return !plain(token, "revoked_at").empty(); });
  if (matches.empty())
    throw Failure(1, fmt::format("none of your tokens has the id, prefix or name '{}': agnes auth token list",
                                 escape_control(wanted)));
  if (matches.size() > 1)
    throw Failure(1,
                  fmt::format("{} of your tokens are called '{}': name one by its id (agnes auth token list)",
                              matches.size(), escape_control(wanted)));
  const std::string id = plain(matches[0], "id");
  expect(api.del("/auth/tokens/" + http_client::percent_encode(id)), {204, 200}, "revoke the token");
  print("Revoked the token {} ({}).", shown(matches[0], "name"), id);
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
               .run = create},
              {.name = "list",
               .help = "List your tokens",
               .options = {{.names = "--json", .value = "", .help = "Print the server's answer as JSON"}},
               .run = list},
              {.name = "revoke",
               .help = "Make a token worthless",
               .arguments = {{.name = "TOKEN", .help = "Its id, prefix or name"}},
               .run = revoke}}};
}

}  // namespace agnes::cli
