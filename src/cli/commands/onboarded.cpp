#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "contract/read.h"

namespace agnes::cli {

namespace {
struct IsOnboarded {
  bool onboarded = false;
};
BOOST_DESCRIBE_STRUCT(IsOnboarded, (), (onboarded))

void show(const IsOnboarded& answer) {
  print("Onboarded: {}", answer.onboarded ? "yes" : "no");
}

IsOnboarded set(bool onboarded, const Args& args) {
  Api api;
  const auto answer = api.post(
      "/api/me/onboarded", boost::json::object{{"onboarded", onboarded}, {"source", args.text("source")}});
  expect(answer, {200}, "note that");
  return contract::read<IsOnboarded>(answer.json());
}

IsOnboarded status(const Args&) {
  Api api;
  const auto answer = api.get("/api/me/profile");
  // The Python server shows it on a page for browsers only.
  if (answer.status == 404)
    throw Failure(Cause::not_found, fmt::format("{} does not tell", api.server()),
                  "agnes onboarded on and off set it");
  expect(answer, {200}, "read your profile");
  return contract::read<IsOnboarded>(answer.json());
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
          .commands = {{.name = "status", .help = "Show it", .run = answers(status, show)},
                       {.name = "on",
                        .help = "You are set up",
                        .options = {source("self_acknowledged")},
                        .run = answers([](const Args& args) { return set(true, args); }, show)},
                       {.name = "off",
                        .help = "Start over",
                        .options = {source("self_unmark")},
                        .run = answers([](const Args& args) { return set(false, args); }, show)}}};
}

}  // namespace agnes::cli
