#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/sign_in.h"
#include "contract/read.h"
#include "contract/users.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
void note_other_workspace(const std::string& server) {
  if (env("AGNES_TOKEN")) note("Note: AGNES_TOKEN is set, and is used instead as long as it is");
  const auto workspace = find_workspace();
  const auto other = workspace ? workspace_server(*workspace) : std::nullopt;
  if (other && *other != server)
    note("Note: the workspace {} is one of {}, and stays so", workspace->string(), escape_control(*other));
}

void login(const Args& args) {
  const std::string server = http_client::normalize_server(args.find("server").value_or(server_url()));
  const Token token = sign_in(server, args.find("email"), args.find("password"));
  if (args.find("server") || !has_default_server()) save_server(server);
  save_token(server, token);
  print("Signed in to {} as {}.", server, token.email);
  note_other_workspace(server);
}

void logout(const Args&) {
  clear_token(server_url());
  print("Signed out.");
  if (env("AGNES_TOKEN")) note("Note: AGNES_TOKEN is set, and is used as long as it is");
}

void whoami(const Args&) {
  // On standard output, as the contract's client says it: who is asked about is nobody.
  const auto token = stored_token();
  if (!token) {
    print("Not signed in: agnes auth login");
    throw Exit{1};
  }
  const auto email = token_claim(token->text, "email");
  if (!email && token->email.empty()) {
    print("The stored token cannot be read: agnes auth login");
    throw Exit{1};
  }
  const std::string server = server_url();
  print("Email:  {}", email.value_or(token->email));
  print("Server: {}", server);
  Api api(server, token->text);
  const Response response = api.get("/api/catalog/tables", {}, std::chrono::seconds(10));
  if (response.status == 401)
    throw Failure(1, fmt::format("{} does not accept this token any more: agnes auth login", server));
  expect(response, {200}, "ask the server");
}

void import_token(const Args& args) {
  const std::string token = given_token(args.text("token"));
  if (!args.find("server") && !has_server())
    throw Failure(1, "no server is set up: add --server https://agnes.example.com");
  const std::string server = http_client::normalize_server(args.find("server").value_or(server_url()));
  if (!token_claim(token, "sub") && !token_claim(token, "email"))
    throw Failure(1, "this is not an Agnes token: copy it again, it has three parts with dots between them");
  const std::string email = token_claim(token, "email").value_or(args.text("email"));
  if (email.empty()) throw Failure(1, "the token does not say whose it is: add --email");
  if (!args.flag("skip-verify")) {
    Api api(server, token);
    const Response response = api.get("/api/catalog/tables", {}, std::chrono::seconds(15));
    if (response.status == 401)
      throw Failure(
          1, fmt::format("{} does not accept the token: it is wrong, expired or revoked; make a new one "
                         "there",
                         server));
    if (response.status != 200)
      throw Failure(1, fmt::format("cannot check the token: {}; --skip-verify imports it unchecked",
                                   refusal(response)));
  }
  if (args.find("server") || !has_default_server()) save_server(server);
  save_token(server, {token, email});
  print("Imported the token of {} for {}.", email, server);
  note_other_workspace(server);
}
}  // namespace

Command auth_command() {
  return {
      .name = "auth",
      .help = "Sign in and out, manage access tokens",
      .commands = {
          {.name = "login",
           .help = "Sign in with email and password",
           .options =
               {{.names = "--email", .value = "EMAIL", .help = "Your address; asked for when missing"},
                {.names = "--password",
                 .value = "PASSWORD",
                 .help = "Better left out: it is asked for unseen"},
                {.names = "--server", .value = "URL", .help = "The server's address, kept from then on"}},
           .run = login},
          {.name = "logout", .help = "Forget the stored token", .run = logout},
          {.name = "whoami",
           .help = "Show who is signed in, and where, and ask the server whether it is so",
           .run = whoami},
          {.name = "import-token",
           .help = "Use a token that was made in the browser",
           .options =
               {{.names = "--token",
                 .value = "TOKEN",
                 .help = "The token; - reads it from standard input, where other users do not see it",
                 .required = true,
                 .environment = "AGNES_TOKEN"},
                {.names = "--server", .value = "URL", .help = "The server's address, kept from then on"},
                {.names = "--email", .value = "EMAIL", .help = "Whose it is, if the token does not say"},
                {.names = "--skip-verify", .value = "", .help = "Do not ask the server whether it is good"}},
           .run = import_token},
          auth_token_command()}};
}

}  // namespace agnes::cli
