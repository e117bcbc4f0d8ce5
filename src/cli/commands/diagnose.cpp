#include <boost/json/parse.hpp>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/facts.h"
#include "cli/output.h"
#include "cli/workspace_check.h"
#include "contract/health.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
using contract::PartStatus;
using contract::Verdict;

// More are counted.
constexpr std::size_t kMostProblems = 50;

// A part of the report: the server's own, or what was seen on the way to it.
struct Check : contract::HealthPart {
  std::string name;
  std::optional<double> latency_ms;
  // What the exit code says of it: of a part of the server's report by its status.
  std::optional<Cause> cause = {};
  static constexpr json::Rule rules[] = {
      {.field = "status"}, {.field = "name"}, {.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(Check, (contract::HealthPart), (name, latency_ms))

struct Diagnosis {
  Verdict overall = Verdict::healthy;
  std::vector<Check> checks;
  std::vector<std::string> suggested_actions;
  std::optional<std::string> symptom;
  // Apart from the checks, which are as the contract's client lists them.
  std::optional<WorkspaceReport> workspace;
  static constexpr json::Rule rules[] = {{.field = "symptom", .omit_null = true},
                                         {.field = "workspace", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(Diagnosis, (), (overall, checks, suggested_actions, symptom, workspace))

constexpr const char* kApi = "api";
constexpr const char* kSignIn = "sign_in";
constexpr const char* kWorkspace = "workspace";

Check check(std::string name, PartStatus status, std::string detail = "", std::optional<Cause> cause = {}) {
  Check out;
  out.cause = cause;
  out.name = std::move(name);
  out.status = status;
  if (!detail.empty()) out.detail = std::move(detail);
  return out;
}

// The parts of a contract::HealthReport, in the server's order.
std::vector<Check> parts_of(const boost::json::value& report) {
  std::vector<Check> out;
  const auto* services = report.is_object() ? report.get_object().if_contains("services") : nullptr;
  if (services == nullptr || !services->is_object()) return out;
  for (const auto& [name, part] : services->get_object()) {
    out.push_back(contract::read<Check>(part));
    out.back().name = name;
  }
  return out;
}

// What the server says of itself; what was learnt instead where it does not.
void ask_server(const Args& args, Diagnosis& out) {
  try {
    Api api;
    const auto began = std::chrono::steady_clock::now();
    const Response health = api.get("/api/health");
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    if (health.status != 200) {
      out.checks.push_back(check(kApi, PartStatus::error, refusal(health), Cause::server_fault));
      out.suggested_actions.push_back(
          fmt::format("{} answers, but not as an Agnes server: check its address", api.server()));
      return;
    }
    out.checks.push_back(check(kApi, PartStatus::ok));
    out.checks.back().latency_ms = took.count();
    const Response report = api.get("/api/health/detailed",
                                    args.flag("include-schema") ? Params{{"include", "schema"}} : Params{});
    if (report.status != 200) {
      out.checks.push_back(check(kSignIn, PartStatus::warning, refusal(report), Cause::not_signed_in));
      out.suggested_actions.emplace_back(
          "sign in to learn more: agnes auth login, or agnes auth import-token --token TOKEN");
      return;
    }
    for (auto& part : parts_of(report.json())) out.checks.push_back(std::move(part));
  } catch (const Failure& error) {
    out.checks.push_back(check(kApi, PartStatus::error, error.message(), error.cause()));
    out.suggested_actions.push_back(error.hint());
  } catch (const http_client::TransportError& error) {
    out.checks.push_back(check(kApi, PartStatus::error, error.what(), Cause::unreachable));
    out.suggested_actions.push_back(
        fmt::format("{} cannot be reached: check the address (agnes status) and the network, then ask its "
                    "administrator; agnes query goes on with the local copy",
                    server_url()));
  }
}

// Tables that failed and all else that is wrong with the data, a line each, which ends with what to do.
std::vector<std::string> data_problems(const Check& check) {
  std::vector<std::string> out;
  if (check.failures)
    for (const auto& item : *check.failures) out.push_back(fmt::format("{}: {}", item.table, item.error));
  if (check.problems)
    for (const auto& item : *check.problems) out.push_back(item.message);
  return out;
}

void advise(const Check& check, std::vector<std::string>& actions) {
  const auto problems = data_problems(check);
  for (std::size_t i = 0; i < std::min(problems.size(), kMostProblems); ++i) actions.push_back(problems[i]);
  if (problems.size() > kMostProblems)
    actions.push_back(
        fmt::format("and {} more: agnes diagnose --json has them all", problems.size() - kMostProblems));
  const auto stale = check.stale_tables.value_or(std::vector<std::string>{});
  const bool wrong = check.status == PartStatus::error || check.status == PartStatus::warning;
  if (problems.empty() && stale.empty() && check.name == "data" && check.status == PartStatus::warning)
    actions.emplace_back("data: some of it could not be brought; an administrator sees what: agnes diagnose");
  if (!stale.empty())
    actions.push_back(
        fmt::format("not synced for a day: {}; an administrator sees why with agnes admin jobs "
                    "list, and starts agnes admin sync",
                    join(stale, ", ")));
  else if (wrong && check.detail && check.name != kApi && check.name != kSignIn)
    actions.push_back(fmt::format("{}: {}", check.name, *check.detail));
}

void advise(const WorkspaceReport& workspace, std::vector<std::string>& actions) {
  actions.insert(actions.end(), workspace.problems.begin(), workspace.problems.end());
  actions.insert(actions.end(), workspace.hints.begin(), workspace.hints.end());
}

Verdict overall(const Diagnosis& diagnosis) {
  Verdict worst = Verdict::healthy;
  if (diagnosis.workspace && diagnosis.workspace->status == PartStatus::warning) worst = Verdict::degraded;
  for (const auto& check : diagnosis.checks) {
    if (check.status == PartStatus::error) return Verdict::unhealthy;
    if (check.status == PartStatus::warning) worst = Verdict::degraded;
  }
  return worst;
}

Diagnosis diagnose(const Args& args) {
  Diagnosis out;
  out.symptom = args.find("symptom");
  const auto component = args.find("component");
  out.workspace = check_workspace();
  if (component && iequals(*component, kWorkspace)) {
    advise(*out.workspace, out.suggested_actions);
    out.overall = overall(out);
    return out;
  }
  ask_server(args, out);
  if (component) {
    out.workspace.reset();
    std::vector<std::string> names;
    for (const auto& check : out.checks) names.push_back(check.name);
    names.emplace_back(kWorkspace);
    std::erase_if(out.checks, [&](const Check& check) { return !iequals(check.name, *component); });
    if (out.checks.empty())
      throw Failure(Cause::usage, fmt::format("there is no part {}", escape_control(*component)),
                    "there are: " + escape_control(join(names, ", ")));
  }
  for (const auto& check : out.checks) advise(check, out.suggested_actions);
  if (out.workspace) advise(*out.workspace, out.suggested_actions);
  out.overall = overall(out);
  return out;
}

template <class E>
std::string word(E value) {
  return std::string(json::to_json(value).as_string());
}

std::string summary(const Check& check) {
  if (check.latency_ms) return fmt::format("{:.0f} ms", *check.latency_ms);
  if (check.detail) return escape_control(*check.detail);
  if (check.free_bytes) return human_bytes(static_cast<std::uint64_t>(*check.free_bytes)) + " free";
  std::string out;
  for (const auto& [figure, name] :
       {std::pair{check.tables, "tables"}, {check.total_rows, "rows"}, {check.count, ""}})
    if (figure) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", *figure, name);
  return out;
}

void print_checks(const std::vector<Check>& checks) {
  for (const auto& check : checks) {
    const auto said = summary(check);
    print("  [{:7}] {}{}{}", word(check.status), escape_control(check.name), said.empty() ? "" : ": ", said);
  }
}

void print_workspace(const WorkspaceReport& workspace) {
  std::string said = "none here or in a folder above";
  if (workspace.folder)
    said = fmt::format("{}, {} tables, last pull {}", *workspace.folder, workspace.tables,
                       workspace.last_pull ? age_text(*workspace.last_pull) + " ago" : "never");
  else if (!workspace.problems.empty())
    said = "not found";
  print("  [{:7}] {}: {}", word(workspace.status), kWorkspace, escape_control(said));
}

void show(const Diagnosis& out) {
  print("Overall: {}", word(out.overall));
  print_checks(out.checks);
  if (out.workspace) print_workspace(*out.workspace);
  for (const auto& action : out.suggested_actions) print("Next: {}", escape_control(action));
}

// What is wrong is what the exit code says, as if something else had met it.
void judge(const Diagnosis& out) {
  for (const auto& check : out.checks)
    if (check.status == PartStatus::error) throw Exit{check.cause.value_or(Cause::server_fault)};
  for (const auto& check : out.checks)
    if (check.status == PartStatus::warning) throw Exit{check.cause.value_or(Cause::partly_failed)};
  if (out.workspace && out.workspace->status == PartStatus::warning) throw Exit{Cause::partly_failed};
}

// What was last pulled, as ~/.config/agnes/sync_state.json has it.
struct LocalTable {
  std::string hash;
  std::int64_t rows = 0, size_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(LocalTable, (), (hash, rows, size_bytes))
struct LocalState {
  std::string mode = "local";
  std::int64_t tables_synced = 0;
  std::string last_sync = "never";
  std::map<std::string, LocalTable> tables;
};
BOOST_DESCRIBE_STRUCT(LocalState, (), (mode, tables_synced, last_sync, tables))

LocalState local_state() {
  LocalState out;
  if (const auto text = read_file(config_folder() / "sync_state.json")) {
    boost::system::error_code error;
    out = contract::read<LocalState>(boost::json::parse(*text, error));
  }
  out.mode = "local";
  out.tables_synced = static_cast<std::int64_t>(out.tables.size());
  return out;
}

// Who is not signed in learns whether it answers.
boost::json::value server_state() {
  Api api;
  const Response response = api.get("/api/health/detailed");
  if (response.status == 401 || response.status == 403) {
    fetch_json(api, "/api/health", "ask for the server's health");
    note("Note: the server answers; sign in to learn more: agnes auth login");
  }
  expect(response, {200}, "ask for the server's health");
  return response.json();
}

void system(const Args& args) {
  if (args.flag("local")) {
    const auto state = local_state();
    if (args.json()) return print_json(json::to_json(state));
    print("Tables:    {}", state.tables_synced);
    return print("Last pull: {}", escape_control(state.last_sync));
  }
  const auto answer = server_state();
  const auto report = contract::read<contract::HealthReport>(answer);
  if (args.json()) return print_json(json::to_json(report));
  print("Status: {}", word(report.status));
  print_checks(parts_of(answer));
}

}  // namespace

Command diagnose_command() {
  return {
      .name = "diagnose",
      .help = "Find out what is wrong with the server and this workspace, and what to do",
      .options =
          {{.names = "--component",
            .value = "NAME",
            .help = "Only this part of the report; workspace asks no server"},
           {.names = "--symptom", .value = "TEXT", .help = "What you see; kept in the JSON for who reads it"},
           {.names = "--include-schema", .value = "", .help = "With the version of the server's database"}},
      .run = answers(diagnose, show, judge),
      .commands = {{.name = "system",
                    .help = "Show the server's own report",
                    .options = {{.names = "--local",
                                 .value = "",
                                 .help = "What was last pulled, without the server"}},
                    .run = {system,
                            {{"", &json::schema<contract::HealthReport>},
                             {"--local", &json::schema<LocalState>}}}}},
      .example = "  agnes diagnose\n  agnes diagnose --json --component data\n"};
}

}  // namespace agnes::cli
