#include <thread>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "cli/table.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
constexpr std::chrono::milliseconds kLook{250};

json::object find_job(Api& api, std::string_view name) {
  const auto answer = fetch(api, "/api/admin/jobs", "read how the jobs are");
  const auto* jobs = answer.is_object() ? answer.get_object().if_contains("jobs") : nullptr;
  if (jobs != nullptr && jobs->is_array())
    for (const auto& job : jobs->get_array())
      if (job.is_object() && plain(job.get_object(), "name") == name) return job.get_object();
  return {};
}

const json::array* list_in(const json::object& object, std::string_view key) {
  const auto* list = object.if_contains(key);
  return list != nullptr ? list->if_array() : nullptr;
}

// "orders: waiting for BigQuery (3 of 10)"
std::string progress_text(const json::object& job) {
  const auto* progress = job.if_contains("progress");
  if (progress == nullptr || !progress->is_object()) return "";
  const auto& at = progress->get_object();
  const std::string table = shown(at, "table"), total = shown(at, "total");
  if (table.empty() || total.empty()) return "";
  const std::string state = shown(at, "state");
  return fmt::format("{}{}{} ({} of {})", table, state.empty() ? "" : ": ", state, shown(at, "done"), total);
}

// Until the run is over that was under way or began after `before`, the time of the last one.
json::object follow(Api& api, const std::string& before, bool quiet) {
  const InterruptGuard guard;
  std::string said;
  while (true) {
    auto job = find_job(api, "sync");
    const bool running = plain(job, "running") == "true";
    // One that waits for its place has not begun.
    const bool waits = plain(job, "outcome") == "queued";
    if (!running && !waits && plain(job, "last_run") != before) return job;
    const auto text = progress_text(job);
    if (!quiet && !text.empty() && text != said) note("{}", text);
    said = text;
    std::this_thread::sleep_for(kLook);
    if (interrupted) {
      note("The sync goes on at the server: agnes admin jobs list tells how it is.");
      throw Exit{130};
    }
  }
}

// Prints what could not be had; whether there was anything.
bool tell_problems(const json::object& result) {
  bool any = false;
  if (const auto* failed = list_in(result, "failed"))
    for (const auto& item : *failed) {
      if (!item.is_object()) continue;
      any = true;
      note("Error: {}: {}", shown(item.get_object(), "table"), shown(item.get_object(), "error"));
    }
  if (const auto* problems = list_in(result, "problems"))
    for (const auto& item : *problems) {
      if (!item.is_object()) continue;
      any = true;
      note("Error: {}", shown(item.get_object(), "message"));
    }
  return any;
}

void sync(const Args& args) {
  json::value body = nullptr;
  if (const auto tables = args.find("TABLES")) {
    json::array names;
    for (const auto& name : split(*tables, ','))
      if (!trim(name).empty()) names.emplace_back(trim(name));
    body = names;
  }
  Api api;
  const auto before = plain(find_job(api, "sync"), "last_run");
  const auto answer = body.is_null() ? api.post("/api/sync/trigger") : api.post("/api/sync/trigger", body);
  // One that runs already may have begun before the sources changed, but it is the one to wait for.
  const bool other = answer.status == 409;
  if (!other) expect(answer, {200}, "start a sync");
  if (args.flag("no-wait"))
    return print("{}", other ? "A sync is under way already." : "The sync has begun: agnes admin jobs list");
  if (other) note("A sync is under way already: following that one.");

  const auto job = follow(api, other ? "" : before, args.flag("json"));
  const auto* told = job.if_contains("result");
  const json::object result = told != nullptr && told->is_object() ? told->get_object() : json::object();
  const auto outcome = plain(job, "outcome");
  if (args.flag("json")) print("{}", pretty(job));
  const bool problems = tell_problems(result);
  if (outcome != "ok" && outcome != "partly")
    throw Failure(1, fmt::format("the sync {}{}", outcome == "cancelled" ? "was cancelled" : "failed",
                                 plain(job, "error").empty() ? "" : ": " + shown(job, "error")));
  if (!args.flag("json"))
    print("Synced{}: {} tables in {} ms.", problems ? " in part" : "", plain(result, "tables"),
          plain(job, "duration_ms"));
  if (problems) throw Exit{1};
}

// Why the last run failed, or a part of it.
std::string trouble(const json::object& job) {
  const auto error = shown(job, "error");
  const auto* failures = list_in(job, "failures");
  if (!error.empty() || failures == nullptr || failures->empty()) return error;
  const auto& first = failures->front();
  const std::string said = first.is_string() ? escape_control(std::string(first.get_string())) : "";
  return failures->size() == 1 ? said : fmt::format("{} (and {} more)", said, failures->size() - 1);
}

void list_jobs(const Args& args) {
  Api api;
  const auto answer = fetch(api, "/api/admin/jobs", "list the jobs");
  if (args.flag("json")) return print("{}", pretty(answer));
  std::vector<std::vector<std::string>> rows;
  if (const auto* jobs = answer.is_object() ? list_in(answer.get_object(), "jobs") : nullptr)
    for (const auto& item : *jobs) {
      if (!item.is_object()) continue;
      const auto& job = item.get_object();
      const auto took = shown(job, "duration_ms");
      rows.push_back({shown(job, "name"), shown(job, "schedule"), shown(job, "last_run"),
                      shown(job, "outcome"), took.empty() ? "" : took + " ms", shown(job, "next_run"),
                      plain(job, "running") == "true" ? progress_text(job) : trouble(job)});
    }
  out(columns_text({"JOB", "SCHEDULE", "LAST RUN", "OUTCOME", "TOOK", "NEXT RUN", "NOTE"}, rows));
}

void run_job(const Args& args) {
  Api api;
  const auto target = "/api/admin/jobs/" + http_client::percent_encode(args.text("JOB")) + "/run";
  const auto input = args.find("input");
  boost::system::error_code error;
  const auto body = input ? json::parse(*input, error) : json::value();
  if (error) throw Failure(2, "--input is no JSON: write it like '{\"table\": \"orders\"}'");
  expect(input ? api.post(target, body) : api.post(target), {202},
         "run the job " + escape_control(args.text("JOB")));
  print("The job has begun: agnes admin jobs list");
}
void cancel_job(const Args& args) {
  Api api;
  expect(api.post("/api/admin/jobs/" + http_client::percent_encode(args.text("JOB")) + "/cancel"), {202},
         "cancel the job " + escape_control(args.text("JOB")));
  print("The job was asked to stop: agnes admin jobs list");
}

const Option kJson{.names = "--json", .value = "", .help = "Print JSON"};
const Argument kJob{.name = "JOB", .help = "Its name, as agnes admin jobs list has it"};
}  // namespace

std::vector<Command> admin_job_commands() {
  return {
      {.name = "sync",
       .help = "Bring the tables from their sources now, and tell what failed",
       .arguments = {{.name = "TABLES",
                      .help = "Only these, by id or name, with commas between them",
                      .required = false}},
       .options = {{.names = "--no-wait", .value = "", .help = "Do not wait for the end"}, kJson},
       .run = sync,
       .example = "  agnes admin sync orders,customers\n"},
      {.name = "jobs",
       .help = "What runs in the background at the server",
       .commands = {
           {.name = "list",
            .help = "List the jobs: last and next run, outcome",
            .options = {kJson},
            .run = list_jobs},
           {.name = "run",
            .help = "Run a job now, whatever its schedule",
            .arguments = {kJob},
            .options = {{.names = "--input", .value = "JSON", .help = "Its input, for jobs that take one"}},
            .run = run_job},
           {.name = "cancel", .help = "Ask a running job to stop", .arguments = {kJob}, .run = cancel_job}}}};
}

}  // namespace agnes::cli
