#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/process.h"
#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/base/time.h"

// The server of the machine that this runs on, as docs/deployment.md sets it up: a systemd unit, programs by script/install.
namespace agnes::cli {

namespace {

struct ServerCommand {
  std::vector<std::string> commands;  // what was run
  std::string output;                 // with --json
};
BOOST_DESCRIBE_STRUCT(ServerCommand, (), (commands, output))

// The contract's names for the parts of one server are one unit here.
std::string unit_of(const Args& args) {
  const std::string service = args.find("service").value_or("agnes");
  if (service == "app" || service == "scheduler") return "agnes";
  if (service.empty() || service.front() == '-' || service.find_first_of("/ \t\n") != service.npos)
    throw Failure(Cause::usage, fmt::format("{:?} is no name of a service", service),
                  "leave it out for agnes");
  return service;
}

ServerCommand run_all(const Args& args, const std::vector<std::vector<std::string>>& commands) {
  ServerCommand out;
  for (const auto& words : commands) {
    out.commands.push_back(join(words, " "));
    auto ended = run_program(words, args.json());
    out.output += ended.output;
    if (ended.exit != 0) {
      const std::string ends = fmt::format("{} ended with {}", out.commands.back(), ended.exit);
      if (!args.json()) throw Failure(Cause::failed, ends, "it says above why");
      throw Failure(Cause::failed,
                    ends + ": " + escape_control(ended.output.substr(0, ended.output.find('\n'))));
    }
  }
  return out;
}

// What the programs say is all there is to say.
void say_nothing(const ServerCommand&) {}

Run runs(std::vector<std::vector<std::string>> (*commands)(const Args&)) {
  return answers([commands](const Args& args) { return run_all(args, commands(args)); }, say_nothing);
}

std::vector<std::vector<std::string>> status(const Args&) {
  return {{"systemctl", "status", "--no-pager", "agnes"}};
}
std::vector<std::vector<std::string>> logs(const Args& args) {
  std::vector<std::string> words{"journalctl",  "--no-pager", "-u",
                                 unit_of(args), "-n",         std::to_string(args.number("tail"))};
  const std::string since = args.text("since");
  // 30m, 1h, 2d before now, or what journalctl knows itself.
  const bool is_span = since.find_first_not_of("0123456789") == since.size() - 1 && since.size() > 1 &&
                       std::string_view("smhd").find(since.back()) != std::string_view::npos;
  words.push_back("--since=" + (is_span ? "-" + since : since));
  if (args.flag("follow")) words.emplace_back("-f");
  return {words};
}
std::vector<std::vector<std::string>> restart(const Args& args) {
  return {{"systemctl", "restart", unit_of(args)}};
}

std::vector<std::string> install_script() {
  if (!fs::exists("script/install"))
    throw Failure(Cause::failed, "there is no script/install here",
                  "go to the checkout of Agnes from which this server was installed");
  return {"script/install"};
}
std::vector<std::vector<std::string>> deploy(const Args& args) {
  if (args.flag("staging"))
    throw Failure(Cause::usage, "there is no staging server on this machine", "deploy there");
  return {install_script(), {"systemctl", "restart", "agnes"}};
}
std::vector<std::vector<std::string>> roll_back(const Args&) {
  auto back = install_script();
  back.emplace_back("--back");
  return {back, {"systemctl", "restart", "agnes"}};
}
std::vector<std::vector<std::string>> back_up(const Args& args) {
  std::string time = format_iso(Timestamp{seconds(now()) * 1'000'000}).substr(0, 19);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  std::replace(time.begin(), time.end(), 'T', '_');
  const fs::path output = args.text("output");
  fs::create_directories(output);
  return {{"agnes-server", "backup", (output / ("backup_" + time)).string()}};
}

const Argument kService{.name = "service", .help = "A systemd unit; agnes if not said", .required = false};

}  // namespace

Command server_command() {
  return {
      .name = "server",
      .help = "The server of this machine: its state, logs, restart, deployment and backup",
      .commands = {
          {.name = "status", .help = "Whether it runs", .run = runs(status)},
          {.name = "logs",
           .help = "What it logged",
           .arguments = {kService},
           .options = {{.names = "-f,--follow", .value = "", .help = "Go on with what it logs from now on"},
                       {.names = "--since",
                        .value = "TIME",
                        .help = "30m, 1h, 2d, or as journalctl takes it",
                        .fallback = "1h"},
                       {.names = "-n,--tail",
                        .value = "LINES",
                        .help = "How many lines at most",
                        .fallback = "100"}},
           .run = runs(logs)},
          {.name = "restart", .help = "Restart it", .arguments = {kService}, .run = runs(restart)},
          {.name = "deploy",
           .help = "Build and install this checkout (script/install), and restart the server",
           .options = {{.names = "--staging", .value = "", .help = "Of the Python client; refused"}},
           .run = runs(deploy)},
          {.name = "rollback",
           .help = "Go back to the release before this one (script/install --back), and restart",
           .run = runs(roll_back)},
          {.name = "backup",
           .help = "Back up its data (agnes-server backup; DATA_DIR and CONFIG_DIR say where that is)",
           .options = {{.names = "--output",
                        .value = "FOLDER",
                        .help = "Where the backup's folder is made",
                        .fallback = "./backup"}},
           .run = runs(back_up)}}};
}

}  // namespace agnes::cli
