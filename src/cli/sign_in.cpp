#include "cli/sign_in.h"

#include <unistd.h>

#include "cli/api.h"
#include "cli/browser.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "contract/read.h"
#include "contract/tokens.h"
#include "contract/users.h"
#include "lib/base/shorten.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
constexpr int kDays = 90;
constexpr std::size_t kLongestName = 190;  // of a token; servers take 200

// Those of that name but the new one. They are worth nothing any more: the new one is stored in their place. What cannot
// be revoked ends by itself.
void revoke_earlier(Api& api, const std::string& name, const std::string& made) {
  const Response list = api.get("/auth/tokens");
  if (!list.ok()) return;
  for (const auto& token : contract::read<std::vector<contract::Token>>(list.json()))
    if (token.name == name && token.id != made && !token.revoked_at)
      api.del("/auth/tokens/" + http_client::percent_encode(token.id));
}

// A server that makes no token for such a session is fine: the session itself serves until it ends.
Token personal_token(const std::string& server, const Token& session, const std::filesystem::path& folder) {
  Api api(server, session.text);
  const std::string name = shortened(
      escape_control(fmt::format("agnes on {}, {}", machine_name(), folder.string())), kLongestName);
  const Response response =
      api.post("/auth/tokens", json::object{{"name", name}, {"expires_in_days", kDays}});
  if (response.status == 401) expect(response, {201}, "use the stored session");
  if (response.status != 201) return session;
  const auto made = contract::read<contract::TokenCreated>(response.json());
  if (made.token.empty()) return session;
  revoke_earlier(api, name, made.id);
  return {made.token, session.email};
}
}  // namespace

Token session_of(const Response& response, const std::string& email) {
  expect(response, {200}, "sign in");
  const auto signed_in = contract::read<contract::SignedIn>(response.json());
  if (signed_in.access_token.empty())
    throw Failure(Cause::server_fault, "cannot sign in: the server's answer holds no token");
  return {signed_in.access_token, signed_in.email.empty() ? email : signed_in.email};
}

Token sign_in(const std::string& server, Credentials credentials) {
  auto& [email, password, browser, code] = credentials;
  if (browser || code || (!email && !password && ::isatty(STDIN_FILENO) != 0)) {
    warn_of_plain_http(server, "session");
    if (auto token = sign_in_by_browser(server, !code)) return *std::move(token);
    if (browser || code)
      throw Failure(Cause::failed, fmt::format("{} signs nobody in for agnes in a browser", server),
                    "agnes auth login --email EMAIL");
  }
  warn_of_plain_http(server, "password");
  if (!email || !password) note("Sign in to {}", escape_control(server));
  if (!email) email = ask("Email", "add --email");
  if (!password) password = ask("Password", "add --password, or give it on standard input", true);
  Api api(server, "");
  json::object body{{"email", *email}};
  if (!password->empty()) body["password"] = *password;
  const Response response = api.post("/auth/token", body);
  if (response.status == 401 && !is_deactivated(response))
    throw Failure(
        Cause::not_signed_in,
        fmt::format(
            "{} does not accept this email and password: {}", server,
            plain(response.json().is_object() ? response.json().get_object() : json::object{}, "detail")),
        "an account without a password signs in in the browser: agnes auth login --browser");
  return session_of(response, *email);
}

Token token_for_workspace(const std::string& server, const std::optional<std::string>& given,
                          const std::filesystem::path& folder) {
  if (given) {
    const std::string text = given_token(*given);
    return {text, token_claim(text, "email").value_or("")};
  }
  if (const auto stored = stored_token(server)) {
    // A personal token was made to be used as it is.
    if (token_claim(stored->text, "typ") == "pat") return *stored;
    return personal_token(server, *stored, folder);
  }
  if (::isatty(STDIN_FILENO) == 0)
    throw Failure(
        Cause::not_signed_in, fmt::format("not signed in to {}", server),
        fmt::format("agnes auth login --browser --server {}, or --token - with a token on standard input",
                    server));
  return personal_token(server, sign_in(server), folder);
}

}  // namespace agnes::cli
