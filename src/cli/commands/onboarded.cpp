#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "contract/read.h"
#include "contract/users.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
void say(const json::value& answer) {
  print("Onboarded: {}", contract::read<contract::Onboarded>(answer).onboarded ? "yes" : "no");
}

void set(bool onboarded, const Args& args) {
  Api api;
  const auto answer =
      api.post("/api/me/onboarded", json::object{{"onboarded", onboarded}, {"source", args.text("source")}});
  expect(answer, {200}, "note that");
  say(answer.json());
}

void status(const Args&) {
  Api api;
  const auto answer = api.get("/api/me/profile");
  // The Python server shows it on a page for browsers only.
  if (answer.status == 404)
    throw Failure(1, fmt::format("{} does not tell; agnes onboarded on and off set it", api.server()));
  expect(answer, {200}, "read your profile");
  say(answer.json());
}

Option source(std::string fallback) {
  return {.names = "--source",
          .value = "SOURCE",
          .help = "What the audit log says of it: self_acknowledged, self_unmark or agnes_init",
          .fallback = std::move(fallback)};
}
}  // namespace

Command onboarded_command() {
  return {.name = "onboarded",
          .help = "Whether the server takes you for set up, and so shows you no guide to it",
          .commands = {{.name = "status", .help = "Show it", .run = status},
                       {.name = "on",
                        .help = "You are set up",
                        .options = {source("self_acknowledged")},
                        .run = [](const Args& args) { set(true, args); }},
                       {.name = "off",
                        .help = "Start over",
                        .options = {source("self_unmark")},
                        .run = [](const Args& args) { set(false, args); }}}};
}

}  // namespace agnes::cli
