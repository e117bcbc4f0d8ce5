#include <boost/json.hpp>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {

// More are counted.
constexpr std::size_t kMostProblems = 50;

std::string status_of(const json::object& check) {
  const auto text = plain(check, "status");
  return text.empty() ? "unknown" : text;
}

// What the part lists under a name; nothing for another part, or another server.
json::array list_in(const json::object& check, std::string_view name) {
  const auto* found = check.if_contains(name);
  return found != nullptr && found->is_array() ? found->get_array() : json::array();
}

// The parts of the server's report, each as {name, status, ...}; why there are none in `refused`.
std::vector<json::object> server_parts(Api& api, const Params& params, std::string& refused) {
  const Response response = api.get("/api/health/detailed", params);
  if (response.status != 200) {
    refused = refusal(response);
    return {};
  }
  std::vector<json::object> out;
  const auto answer = response.json();
  const auto* services = answer.is_object() ? answer.get_object().if_contains("services") : nullptr;
  if (services == nullptr || !services->is_object()) return out;
  for (const auto& [name, part] : services->get_object()) {
    json::object check{{"name", name}, {"status", "unknown"}};
    if (part.is_object())
      for (const auto& [key, value] : part.get_object()) check[key] = value;
    out.push_back(std::move(check));
  }
  return out;
}

std::vector<json::object> run_checks(const Args& args, json::array& actions) {
  std::vector<json::object> checks;
  try {
    Api api;
    const auto began = std::chrono::steady_clock::now();
    const Response health = api.get("/api/health");
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    if (health.status != 200) {
      checks.push_back({{"name", "api"}, {"status", "error"}, {"detail", refusal(health)}});
      actions.emplace_back(
          fmt::format("{} answers, but not as an Agnes server: check its address", api.server()));
      return checks;
    }
    checks.push_back({{"name", "api"}, {"status", "ok"}, {"latency_ms", took.count()}});
    std::string refused;
    const auto parts =
        server_parts(api, args.flag("include-schema") ? Params{{"include", "schema"}} : Params{}, refused);
    checks.insert(checks.end(), parts.begin(), parts.end());
    if (!refused.empty()) {
      checks.push_back({{"name", "sign_in"}, {"status", "warning"}, {"detail", refused}});
      actions.emplace_back(
          "sign in to learn more: agnes auth login, or agnes auth import-token --token TOKEN");
    }
  } catch (const Failure&) {
    throw;
  } catch (const Error& error) {
    checks.push_back({{"name", "api"}, {"status", "error"}, {"detail", error.what()}});
    actions.emplace_back(
        fmt::format("{} cannot be reached: check the address (agnes status) and the network, then ask its "
                    "administrator; agnes query goes on with the local copy",
                    server_url()));
  }
  return checks;
}

// Tables that failed and all else that is wrong with the data, a line each, which ends with what to do.
std::vector<std::string> data_problems(const json::object& check) {
  std::vector<std::string> out;
  for (const auto& item : list_in(check, "failures"))
    if (item.is_object())
      out.push_back(
          fmt::format("{}: {}", plain(item.get_object(), "table"), plain(item.get_object(), "error")));
  for (const auto& item : list_in(check, "problems"))
    if (item.is_object()) out.push_back(plain(item.get_object(), "message"));
  return out;
}

void advise(const std::vector<json::object>& checks, json::array& actions) {
  for (const auto& check : checks) {
    const auto problems = data_problems(check);
    for (std::size_t i = 0; i < std::min(problems.size(), kMostProblems); ++i)
      actions.emplace_back(problems[i]);
    if (problems.size() > kMostProblems)
      actions.emplace_back(
          fmt::format("and {} more: agnes diagnose --json has them all", problems.size() - kMostProblems));
    const auto stale = list_in(check, "stale_tables");
    if (problems.empty() && stale.empty() && plain(check, "name") == "data" && status_of(check) == "warning")
      actions.emplace_back(
          "data: some of it could not be brought; an administrator sees what: agnes diagnose");
    if (!stale.empty()) {
      std::vector<std::string> names;
      for (const auto& table : stale) names.push_back(plain(table));
      actions.emplace_back(
          fmt::format("not synced for a day: {}; an administrator can see why at GET /api/admin/jobs and "
                      "start POST /api/sync/trigger",
                      join(names, ", ")));
    } else if (const auto status = status_of(check);
               (status == "error" || status == "warning") && check.contains("detail") &&
               plain(check, "name") != "api" && plain(check, "name") != "sign_in") {
      actions.emplace_back(fmt::format("{}: {}", plain(check, "name"), plain(check, "detail")));
    }
  }
}

std::string overall(const std::vector<json::object>& checks) {
  std::string worst = "healthy";
  for (const auto& check : checks) {
    if (status_of(check) == "error") return "unhealthy";
    if (status_of(check) == "warning") worst = "degraded";
  }
  return worst;
}

std::string summary(const json::object& check) {
  if (check.contains("latency_ms"))
    return fmt::format("{:.0f} ms", check.at("latency_ms").to_number<double>());
  if (check.contains("detail")) return shown(check, "detail");
  std::string out;
  for (const char* key : {"tables", "total_rows", "count", "jobs"})
    if (check.contains(key)) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", shown(check, key), key);
  if (check.contains("free_bytes") && check.at("free_bytes").is_number())
    out = human_bytes(check.at("free_bytes").to_number<std::uint64_t>()) + " free";
  return out;
}

void print_checks(const std::vector<json::object>& checks) {
  for (const auto& check : checks) {
    const auto said = summary(check);
    print("  [{:7}] {}{}{}", escape_control(status_of(check)), shown(check, "name"), said.empty() ? "" : ": ",
          said);
  }
}

void run(const Args& args) {
  json::array actions;
  auto checks = run_checks(args, actions);
  if (const auto component = args.find("component")) {
    std::vector<std::string> names;
    for (const auto& check : checks) names.push_back(plain(check, "name"));
    std::erase_if(checks, [&](const json::object& check) { return plain(check, "name") != *component; });
    if (checks.empty())
      throw Failure(kUsage, fmt::format("there is no part {}; there are: {}", *component, join(names, ", ")));
  }
  advise(checks, actions);
  if (args.flag("json")) {
    json::object answer{{"overall", overall(checks)},
                        {"checks", json::array(checks.begin(), checks.end())},
                        {"suggested_actions", actions}};
    if (const auto symptom = args.find("symptom")) answer["symptom"] = *symptom;
    return print("{}", pretty(answer));
  }
  print("Overall: {}", overall(checks));
  print_checks(checks);
  for (const auto& action : actions) print("Next: {}", escape_control(plain(action)));
}

void show_local(bool as_json) {
  json::object state;
  if (const auto text = read_file(config_folder() / "sync_state.json")) {
    boost::system::error_code error;
    const auto parsed = json::parse(*text, error);
    if (!error && parsed.is_object()) state = parsed.get_object();
  }
  const json::value tables =
      state.contains("tables") && state.at("tables").is_object() ? state.at("tables") : json::object();
  const json::value last = state.contains("last_sync") ? state.at("last_sync") : json::value("never");
  if (as_json)
    return print("{}", pretty(json::object{{"mode", "local"},
                                           {"tables_synced", tables.get_object().size()},
                                           {"last_sync", last},
                                           {"tables", tables}}));
  print("Tables:    {}", tables.get_object().size());
  print("Last pull: {}", escape_control(plain(last)));
}

void system(const Args& args) {
  if (args.flag("local")) return show_local(args.flag("json"));
  Api api;
  const Response response = api.get("/api/health/detailed");
  if (response.status == 401 || response.status == 403) {
    // Who is not signed in learns whether it answers.
    const auto health = fetch(api, "/api/health", "ask for the server's health");
    if (args.flag("json")) return print("{}", pretty(health));
    return print("Status: {}\nSign in to learn more: agnes auth login", shown(health.as_object(), "status"));
  }
  expect(response, {200}, "ask for the server's health");
  const auto answer = response.json();
  if (args.flag("json")) return print("{}", pretty(answer));
  print("Status: {}", shown(answer.as_object(), "status"));
  std::vector<json::object> parts;
  if (const auto* services = answer.as_object().if_contains("services");
      services != nullptr && services->is_object())
    for (const auto& [name, part] : services->get_object()) {
      json::object check{{"name", name}};
      if (part.is_object())
        for (const auto& [key, value] : part.get_object()) check[key] = value;
      parts.push_back(std::move(check));
    }
  print_checks(parts);
}

}  // namespace

Command diagnose_command() {
  return {
      .name = "diagnose",
      .help = "Find out what is wrong with the server, and what to do",
      .options =
          {{.names = "--json", .value = "", .help = "Print it as JSON"},
           {.names = "--component", .value = "NAME", .help = "Only this part of the report"},
           {.names = "--symptom", .value = "TEXT", .help = "What you see; kept in the JSON for who reads it"},
           {.names = "--include-schema", .value = "", .help = "With the version of the server's database"}},
      .run = run,
      .commands =
          {{.name = "system",
            .help = "Show the server's own report",
            .options = {{.names = "--local", .value = "", .help = "What was last pulled, without the server"},
                        {.names = "--json", .value = "", .help = "Print it as JSON"}},
            .run = system}},
      .example = "  agnes diagnose\n  agnes diagnose --json --component data\n"};
}

}  // namespace agnes::cli
