#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/sign_in.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
void note_other_workspace(const std::string& server) {
  if (env("AGNES_TOKEN")) note("Note: AGNES_TOKEN is set, and is used instead as long as it is");
  const auto workspace = find_workspace();
  const auto other = workspace ? workspace_server(*workspace) : std::nullopt;
  if (other && *other != server)
    note("Note: the workspace {} is one of {}, and stays so", workspace->string(), escape_control(*other));
}

struct Session {
  bool signed_in = false;
  std::string server;
  std::optional<std::string> email;
};
BOOST_DESCRIBE_STRUCT(Session, (), (signed_in, server, email))

Session login(const Args& args) {
  const std::string server = http_client::normalize_server(args.find("server").value_or(server_url()));
  const Token token = sign_in(
      server, {args.find("email"), args.find("password"), args.flag("browser"), args.flag("no-browser")});
  if (args.find("server") || !has_default_server()) save_server(server);
  save_token(server, token);
  note_other_workspace(server);
  return {true, server, token.email};
}
void show_login(const Session& session) {
  print("Signed in to {} as {}.", session.server, escape_control(*session.email));
}

Session logout(const Args&) {
  clear_token(server_url());
  if (env("AGNES_TOKEN")) note("Note: AGNES_TOKEN is set, and is used as long as it is");
  return {false, server_url(), {}};
}
void show_logout(const Session&) {
  print("Signed out.");
}

Session whoami(const Args&) {
  const auto token = stored_token();
  if (!token) return {false, server_url(), {}};
  auto email = token_claim(token->text, "email");
  if (!email && !token->email.empty()) email = token->email;
  return {email.has_value(), server_url(), email};
}
// On standard output, as the contract's client says it: who is asked about is nobody.
void show_whoami(const Session& session) {
  if (!session.signed_in) return print("Not signed in: agnes auth login");
  print("Email:  {}", escape_control(*session.email));
  print("Server: {}", session.server);
}
// Whether the server takes the token is asked last, so that the rest is there without it.
void ask_whether(const Session& session) {
  if (!session.signed_in) throw Exit{Cause::not_signed_in};
  Api api;
  const Response response = api.get("/api/catalog/tables", {}, std::chrono::seconds(10));
  if (response.status == 401 && !is_deactivated(response))
    throw Failure(Cause::not_signed_in, fmt::format("{} does not accept this token any more", session.server),
                  "agnes auth login");
  expect(response, {200}, "ask the server");
}

Session import_token(const Args& args) {
  const std::string token = given_token(args.text("token"));
  if (!args.find("server") && !has_server())
    throw Failure(Cause::failed, "no server is set up", "add --server https://agnes.example.com");
  const std::string server = http_client::normalize_server(args.find("server").value_or(server_url()));
  if (!token_claim(token, "sub") && !token_claim(token, "email"))
    throw Failure(Cause::failed, "this is not an Agnes token",
                  "copy it again, it has three parts with dots between them");
  const std::string email = token_claim(token, "email").value_or(args.text("email"));
  if (email.empty()) throw Failure(Cause::failed, "the token does not say whose it is", "add --email");
  if (!args.flag("skip-verify")) {
    Api api(server, token);
    const Response response = api.get("/api/catalog/tables", {}, std::chrono::seconds(15));
    if (response.status == 401 && !is_deactivated(response))
      throw Failure(Cause::not_signed_in,
                    fmt::format("{} does not accept the token: it is wrong, expired or revoked", server),
                    "make a new one there");
    if (response.status != 200)
      throw Failure(cause_of_status(response.status),
                    fmt::format("cannot check the token: {}", refusal(response)),
                    "--skip-verify imports it unchecked");
  }
  if (args.find("server") || !has_default_server()) save_server(server);
  save_token(server, {token, email});
  note_other_workspace(server);
  return {true, server, email};
}
void show_imported(const Session& session) {
  print("Imported the token of {} for {}.", escape_control(*session.email), session.server);
}
}  // namespace

Command auth_command() {
  return {
      .name = "auth",
      .help = "Sign in and out, manage access tokens",
      .commands = {
          {.name = "login",
           .help = "Sign in, in the browser or with email and password",
           .options =
               {{.names = "--email",
                 .value = "EMAIL",
                 .help = "Sign in with this address and its password, without a browser"},
                {.names = "--password",
                 .value = "PASSWORD",
                 .help = "Better left out: it is asked for unseen"},
                {.names = "--browser", .value = "", .help = "In the browser, also without a terminal"},
                {.names = "--no-browser",
                 .value = "",
                 .help = "Show the address, to be opened on any machine, and ask for the code from there"},
                {.names = "--server", .value = "URL", .help = "The server's address, kept from then on"}},
           .run = answers(login, show_login)},
          {.name = "logout", .help = "Forget the stored token", .run = answers(logout, show_logout)},
          {.name = "whoami",
           .help = "Show who is signed in, and where, and ask the server whether it is so",
           .run = answers(whoami, show_whoami, ask_whether)},
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
           .run = answers(import_token, show_imported)},
          auth_token_command()}};
}

}  // namespace agnes::cli
