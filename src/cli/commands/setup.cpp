#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "contract/health.h"
#include "contract/users.h"
#include "lib/base/text.h"

// The first steps of an operator with a new server, as the contract has them.
namespace agnes::cli {

namespace {

struct Step {
  std::string server, next;
};
BOOST_DESCRIBE_STRUCT(Step, (), (server, next))
void show_step(const Step& step) {
  print("Server: {}", step.server);
  print("Next: {}", step.next);
}

Step init(const Args& args) {
  const auto server = http_client::normalize_server(args.text("server"));
  save_server(server);
  return {server, "agnes setup bootstrap EMAIL"};
}

struct Bootstrapped {
  std::string email, next;
};
BOOST_DESCRIBE_STRUCT(Bootstrapped, (), (email, next))

Bootstrapped bootstrap(const Args& args) {
  const auto server = http_client::normalize_server(args.find("server").value_or(server_url()));
  Api api(server, "");
  boost::json::object body{{"email", args.text("email")}};
  if (const auto name = args.find("name")) body["name"] = *name;
  // Not as an argument, where every user of this machine sees it.
  if (const auto password = args.find("password"))
    body["password"] =
        *password == "-" ? ask("Password: ", "type it on a terminal, or pipe it in", true) : *password;
  const auto response = api.post("/auth/bootstrap", body);
  if (response.status == 403)
    throw Failure(Cause::not_allowed, refusal(response),
                  "agnes auth login signs in to an account that exists");
  expect(response, {200}, "make the first account");
  const auto signed_in = contract::read<contract::SignedIn>(response.json());
  save_server(server);
  save_token(server, {signed_in.access_token, signed_in.email});
  return {signed_in.email, "agnes setup test-connection"};
}
void show_bootstrapped(const Bootstrapped& done) {
  print("{} is an administrator, and signed in here.", escape_control(done.email));
  print("Next: {}", done.next);
}

struct Check {
  std::string name, status, detail;  // status: pass, warn, fail
};
BOOST_DESCRIBE_STRUCT(Check, (), (name, status, detail))
struct Verified {
  std::string overall;
  std::vector<Check> checks;
};
BOOST_DESCRIBE_STRUCT(Verified, (), (overall, checks))

// Each answers its detail; an error is a failed check, and a warning one that is not as it should be.
struct Warning {
  std::string detail;
};
template <class Work>
void check(Verified& out, const char* name, Work work) {
  try {
    out.checks.push_back({name, "pass", work()});
  } catch (const Warning& warning) {
    out.checks.push_back({name, "warn", warning.detail});
  } catch (const http_client::Cancelled&) {
    throw Exit{Cause::interrupted};
  } catch (const Error& error) {
    out.checks.push_back({name, "fail", error.what()});
  }
}

std::string check_server(Api& api) {
  fetch_json(api, "/api/health", "ask how the server is");
  return api.server();
}
std::string check_parts(Api& api) {
  const auto detailed = fetch_json(api, "/api/health/detailed", "ask how the server's parts are");
  const auto status = plain(detailed.as_object(), "status");
  if (status != "healthy") throw Warning{status + ": agnes diagnose tells why"};
  return status;
}
std::string check_data(Api& api) {
  const auto manifest = fetch_json(api, "/api/sync/manifest", "ask which tables there are");
  const auto* tables = manifest.as_object().if_contains("tables");
  const auto count = tables != nullptr && tables->is_object() ? tables->get_object().size() : 0;
  if (count == 0) throw Warning{"no tables that this account may see; agnes setup first-sync brings them"};
  return fmt::format("{} tables", count);
}
std::string check_query(Api& api) {
  const auto response = api.post("/api/query", boost::json::object{{"sql", "SELECT 1 AS one"}, {"limit", 1}});
  expect(response, {200}, "run a query");
  return "answers";
}

Verified verify_all(bool only_server) {
  Verified out;
  Api api;
  check(out, "server", [&] { return check_server(api); });
  if (out.checks.back().status == "pass" && stored_token()) {
    check(out, "health", [&] { return check_parts(api); });
    if (!only_server) {
      check(out, "data", [&] { return check_data(api); });
      check(out, "query", [&] { return check_query(api); });
    }
  } else if (out.checks.back().status == "pass") {
    out.checks.push_back({"auth", only_server ? "warn" : "fail",
                          "not signed in: agnes auth login, or agnes setup bootstrap EMAIL"});
  }
  out.overall = "pass";
  for (const auto& done : out.checks) {
    if (done.status == "fail") out.overall = "fail";
    if (done.status == "warn" && out.overall == "pass") out.overall = "warn";
  }
  return out;
}
void show_verified(const Verified& verified) {
  for (const auto& done : verified.checks)
    print("{:<8} {:<5} {}", done.name, done.status, escape_control(done.detail));
}
void tell_failed(const Verified& verified) {
  if (verified.overall == "fail") throw Exit{Cause::failed};
}

Step first_sync(const Args&) {
  Api api;
  expect(api.post("/api/sync/trigger"), {200}, "start the first sync");
  return {api.server(), "agnes admin jobs list tells when it is done; then agnes setup verify"};
}

}  // namespace

Command setup_command() {
  return {
      .name = "setup",
      .help = "The first steps of an operator with a new server",
      .commands = {
          {.name = "init",
           .help = "Name the server",
           .options = {{.names = "--server",
                        .value = "URL",
                        .help = "Its address",
                        .fallback = "http://localhost:8000"}},
           .run = answers(init, show_step)},
          {.name = "bootstrap",
           .help = "Make the first account, an administrator's, and sign in to it",
           .arguments = {{.name = "email", .help = "Its address"}},
           .options = {{.names = "--name", .value = "NAME", .help = "Its name for people"},
                       {.names = "--password",
                        .value = "PASSWORD",
                        .help = "Its password; - asks for it, or reads it from standard input"},
                       {.names = "--server", .value = "URL", .help = "The server, when it is another one"}},
           .run = answers(bootstrap, show_bootstrapped)},
          {.name = "test-connection",
           .help = "Whether the server answers, and how it is",
           .run = answers([](const Args&) { return verify_all(true); }, show_verified, tell_failed)},
          {.name = "first-sync", .help = "Start the first sync", .run = answers(first_sync, show_step)},
          {.name = "verify",
           .help = "Whether the server answers, has data, and runs queries",
           .run = answers([](const Args&) { return verify_all(false); }, show_verified, tell_failed)}}};
}

}  // namespace agnes::cli
