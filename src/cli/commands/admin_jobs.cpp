#include <thread>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "cli/table.h"
#include "contract/jobs.h"
#include "contract/read.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
constexpr std::chrono::milliseconds kPollInterval{250};
// Files that are no tables lie in a folder by the hundred.
constexpr std::size_t kMostNotes = 20;

struct FoundJob {
  json::value answer = json::object();  // as the server has it
  contract::Job job;
};
FoundJob find_job(Api& api, std::string_view name) {
  const auto answer = fetch(api, "/api/admin/jobs", "read how the jobs are");
  const auto list = contract::read<contract::JobList>(answer);
  for (std::size_t i = 0; i < list.jobs.size(); ++i)
    if (list.jobs[i].name == name) return {answer.at("jobs").at(i), list.jobs[i]};
  throw Failure(1, fmt::format("{} names no job '{}' in its list of jobs: check its address, and its version "
                               "(agnes diagnose)",
                               api.server(), name));
}

// "orders: waiting for BigQuery (3 of 10)"
std::string progress_text(const contract::Job& job) {
  const auto at = contract::read<contract::SyncProgress>(job.progress);
  if (at.table.empty() || !at.total) return "";
  return fmt::format("{}{}{} ({} of {})", escape_control(at.table), at.state.empty() ? "" : ": ",
                     escape_control(at.state), at.done, *at.total);
}

// Until the run is over that is under way or waits since `before`, the time of the last one.
FoundJob follow(Api& api, const std::optional<Timestamp>& before, bool quiet) {
  const InterruptGuard guard;
  std::string said;
  while (true) {
    auto found = find_job(api, "sync");
    const auto& job = found.job;
    // One that waits for its place has not begun.
    const bool waits = job.outcome == contract::JobOutcome::queued;
    if (!job.running && !waits && job.last_run != before) return found;
    if (!job.running && !waits)
      throw Failure(
          1,
          "the sync is not under way any more and left no result, as when its server was restarted: "
          "start it again");
    const auto text = progress_text(job);
    if (!quiet && !text.empty() && text != said) note("{}", text);
    said = text;
    std::this_thread::sleep_for(kPollInterval);
    if (interrupted) {
      note("The sync goes on at the server: agnes admin jobs list tells how it is.");
      throw Exit{130};
    }
  }
}

// Prints what could not be had; whether there was anything.
bool tell_problems(const contract::SyncResult& result) {
  for (const auto& item : result.failed)
    note("Error: {}: {}", escape_control(item.table), escape_control(item.error));
  for (const auto& item : result.problems) note("Error: {}", escape_control(item.message));
  for (std::size_t i = 0; i < std::min(result.notes.size(), kMostNotes); ++i)
    note("Note: {}", escape_control(result.notes[i].message));
  if (result.notes.size() > kMostNotes)
    note("Note: and {} more: agnes admin sync --json has them all", result.notes.size() - kMostNotes);
  return !result.failed.empty() || !result.problems.empty();
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
  const auto before = find_job(api, "sync").job.last_run;
  const auto answer = body.is_null() ? api.post("/api/sync/trigger") : api.post("/api/sync/trigger", body);
  // One that runs already may have begun before the sources changed, but it is the one to wait for.
  const bool other = answer.status == 409;
  if (!other) expect(answer, {200}, "start a sync");
  if (args.flag("no-wait"))
    return print("{}", other ? "A sync is under way already." : "The sync has begun: agnes admin jobs list");
  if (other) note("A sync is under way already: following that one.");

  const auto [answered, job] = follow(api, other ? std::nullopt : before, args.flag("json"));
  const auto result = contract::read<contract::SyncResult>(job.result);
  if (args.flag("json")) print("{}", pretty(answered));
  const bool problems = tell_problems(result);
  using Outcome = contract::JobOutcome;
  if (job.outcome != Outcome::ok && job.outcome != Outcome::partly)
    throw Failure(1,
                  fmt::format("the sync {}{}", job.outcome == Outcome::cancelled ? "was cancelled" : "failed",
                              job.error ? ": " + escape_control(*job.error) : ""));
  if (!args.flag("json"))
    print("Synced{}: {} tables in {} ms.", problems ? " in part" : "", result.tables.value_or(0),
          job.duration_ms.value_or(0));
  if (problems) throw Exit{1};
}

// Why the last run failed, or a part of it.
std::string trouble(const contract::Job& job) {
  if (job.error) return escape_control(*job.error);
  if (job.failures.empty()) return "";
  const auto first = escape_control(job.failures.front());
  return job.failures.size() == 1 ? first : fmt::format("{} (and {} more)", first, job.failures.size() - 1);
}

// As the server writes it.
std::string shown(const std::optional<Timestamp>& moment) {
  return moment ? format_iso(*moment) : "";
}

void list_jobs(const Args& args) {
  Api api;
  const auto answer = fetch(api, "/api/admin/jobs", "list the jobs");
  if (args.flag("json")) return print("{}", pretty(answer));
  std::vector<std::vector<std::string>> rows;
  for (const auto& job : contract::read<contract::JobList>(answer).jobs)
    rows.push_back({escape_control(job.name), escape_control(job.schedule.value_or("")), shown(job.last_run),
                    job.outcome ? std::string(agnes::json::to_json(*job.outcome).as_string()) : "",
                    job.duration_ms ? fmt::format("{} ms", *job.duration_ms) : "", shown(job.next_run),
                    job.running ? progress_text(job) : trouble(job)});
  out(columns_text({"JOB", "SCHEDULE", "LAST RUN", "OUTCOME", "TOOK", "NEXT RUN", "NOTE"}, rows));
}

void run_job(const Args& args) {
  Api api;
  const auto target = "/api/admin/jobs/" + http_client::percent_encode(args.text("JOB")) + "/run";
  const auto input = args.find("input");
  boost::system::error_code error;
  const auto body = input ? json::parse(*input, error) : json::value();
  if (error) throw Failure(2, "--input is not JSON: write it like '{\"table\": \"orders\"}'");
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
