#include <thread>

#include <boost/json/parse.hpp>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "cli/table.h"
#include "contract/jobs.h"
#include "contract/read.h"
#include "contract/registry.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
constexpr std::chrono::milliseconds kPollInterval{250};
// Files that are no tables lie in a folder by the hundred.
constexpr std::size_t kMostNotes = 20;

contract::Job find_job(Api& api, std::string_view name) {
  for (auto& job : fetch<contract::JobList>(api, "/api/admin/jobs", "read how the jobs are").jobs)
    if (job.name == name) return std::move(job);
  throw Failure(Cause::server_fault,
                fmt::format("{} names no job '{}' in its list of jobs", api.server(), name),
                "check its address, and its version (agnes diagnose)");
}

// "orders: waiting for BigQuery (3 of 10)"
std::string progress_text(const contract::Job& job) {
  const auto at = contract::read<contract::SyncProgress>(job.progress);
  if (at.table.empty() || !at.total) return "";
  return fmt::format("{}{}{} ({} of {})", escape_control(at.table), at.state.empty() ? "" : ": ",
                     escape_control(at.state), at.done, *at.total);
}

// Until the run is over that is under way or waits since `before`, the time of the last one.
contract::Job follow(Api& api, const std::optional<Timestamp>& before, bool quiet) {
  const InterruptGuard guard;
  std::string said;
  while (true) {
    auto job = find_job(api, "sync");
    // One that waits for its place has not begun.
    const bool waits = job.outcome == contract::JobOutcome::queued;
    if (!job.running && !waits && job.last_run != before) return job;
    if (!job.running && !waits)
      throw Failure(Cause::failed,
                    "the sync is not under way any more and left no result, as when its server was restarted",
                    "start it again");
    const auto text = progress_text(job);
    if (!quiet && !text.empty() && text != said) note("{}", text);
    said = text;
    std::this_thread::sleep_for(kPollInterval);
    if (interrupted) {
      note("The sync goes on at the server: agnes admin jobs list tells how it is.");
      throw Exit{Cause::interrupted};
    }
  }
}

bool is_done(const contract::Job& job) {
  return job.outcome == contract::JobOutcome::ok || job.outcome == contract::JobOutcome::partly;
}

// The tables of a sync, as somebody wrote them.
struct Wanted {
  std::vector<std::string> ids;    // for the server
  std::set<std::string> names;     // their ids and names, in lower case: the results go by the names
  std::optional<Failure> unknown;  // what to say when the server does not know one
};
Wanted wanted_tables(Api& api, const std::string& text) {
  const auto tables =
      fetch<contract::RegistryList>(api, "/api/admin/registry", "list the registered tables").tables;
  Wanted out;
  for (const auto& part : split(text, ',')) {
    const std::string word(trim(part));
    if (word.empty()) continue;
    out.ids.push_back(word);
    out.names.insert(to_lower(word));
    Nearest nearest(word, 4);
    bool found = false;
    for (const auto& table : tables) {
      nearest.offer(table.id);
      nearest.offer(table.name);
      if (!iequals(table.id, word) && !iequals(table.name, word)) continue;
      found = true;
      out.names.insert({to_lower(table.id), to_lower(table.name)});
      if (table.name != word) out.ids.back() = table.id;
    }
    if (!found && !out.unknown)
      out.unknown.emplace(Cause::not_found,
                          fmt::format("there is no table {}, so nothing was started", escape_control(word)),
                          meant(nearest, "agnes admin list-tables"));
  }
  return out;
}

// Whether a problem keeps tables from coming, whichever they are.
bool is_of_source(const contract::SyncProblem& problem) {
  return problem.kind == "source" || problem.kind == "configuration" || problem.kind == "empty";
}

// Of the result what concerns these tables: what else is wrong stands from other runs.
void keep_only(contract::Job& job, const std::set<std::string>& names) {
  auto* result = job.result.if_object();
  if (result == nullptr || !is_done(job)) return;
  const auto before = contract::read<contract::SyncResult>(job.result);
  std::size_t left_out = 0;
  job.failures.clear();
  boost::json::array failed, problems;
  for (std::size_t i = 0; i < before.failed.size(); ++i) {
    const auto& item = before.failed[i];
    if (!names.contains(to_lower(item.table))) {
      ++left_out;
      continue;
    }
    failed.push_back(result->at("failed").at(i));
    job.failures.push_back(item.table + ": " + item.error);
  }
  for (std::size_t i = 0; i < before.problems.size(); ++i) {
    const auto& item = before.problems[i];
    if (!names.contains(to_lower(item.table)) && !is_of_source(item)) {
      ++left_out;
      continue;
    }
    problems.push_back(result->at("problems").at(i));
    job.failures.push_back(item.message);
  }
  (*result)["failed"] = std::move(failed);
  (*result)["problems"] = std::move(problems);
  if (job.failures.empty()) job.outcome = contract::JobOutcome::ok;
  if (left_out > 0) note("Note: something is wrong with other tables, too: agnes diagnose");
}

contract::Job sync(const Args& args) {
  Api api;
  std::optional<Wanted> wanted;
  if (const auto tables = args.find("TABLES")) wanted = wanted_tables(api, *tables);
  const auto before = find_job(api, "sync").last_run;
  const auto answer =
      wanted ? api.post("/api/sync/trigger", json::to_json(wanted->ids)) : api.post("/api/sync/trigger");
  if (answer.status == 404 && wanted && wanted->unknown) throw *wanted->unknown;
  // One that runs already may have begun before the sources changed, but it is the one to wait for.
  const bool other = answer.status == 409;
  if (!other) expect(answer, {200}, "start a sync");
  if (other) note("A sync is under way already{}", args.flag("no-wait") ? "." : ": following that one.");
  if (args.flag("no-wait")) return find_job(api, "sync");
  auto job = follow(api, other ? std::nullopt : before, args.json());
  if (wanted && !wanted->ids.empty()) keep_only(job, wanted->names);
  return job;
}

void show_synced(const contract::Job& job, const Args& args) {
  if (args.flag("no-wait")) return print("The sync is under way: agnes admin jobs list");
  const auto result = contract::read<contract::SyncResult>(job.result);
  for (std::size_t i = 0; i < std::min(result.notes.size(), kMostNotes); ++i)
    note("Note: {}", escape_control(result.notes[i].message));
  if (result.notes.size() > kMostNotes)
    note("Note: and {} more: agnes admin sync --json has them all", result.notes.size() - kMostNotes);
  if (is_done(job))
    print("Synced{}: {} tables in {} ms.", result.failed.empty() && result.problems.empty() ? "" : " in part",
          result.tables.value_or(0), job.duration_ms.value_or(0));
}

// What could not be had, and how it ends then.
void tell_problems(const contract::Job& job, const Args& args) {
  if (args.flag("no-wait")) return;
  const auto result = contract::read<contract::SyncResult>(job.result);
  const Cause cause = is_done(job) ? Cause::partly_failed : Cause::failed;
  for (const auto& item : result.failed)
    say_error(cause, escape_control(item.table) + ": " + escape_control(item.error));
  for (const auto& item : result.problems) say_error(cause, escape_control(item.message));
  if (!is_done(job))
    throw Failure(cause,
                  fmt::format("the sync {}{}",
                              job.outcome == contract::JobOutcome::cancelled ? "was cancelled" : "failed",
                              job.error ? ": " + escape_control(*job.error) : ""));
  if (!result.failed.empty() || !result.problems.empty()) throw Exit{cause};
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

contract::JobList list_jobs(const Args&) {
  Api api;
  return fetch<contract::JobList>(api, "/api/admin/jobs", "list the jobs");
}
void show_jobs(const contract::JobList& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& job : answer.jobs)
    rows.push_back({escape_control(job.name), escape_control(job.schedule.value_or("")), shown(job.last_run),
                    job.outcome ? std::string(json::to_json(*job.outcome).as_string()) : "",
                    job.duration_ms ? fmt::format("{} ms", *job.duration_ms) : "", shown(job.next_run),
                    job.running ? progress_text(job) : trouble(job)});
  out(columns_text({"JOB", "SCHEDULE", "LAST RUN", "OUTCOME", "TOOK", "NEXT RUN", "NOTE"}, rows));
}

contract::JobAnswer run_job(const Args& args) {
  Api api;
  const auto target = "/api/admin/jobs/" + http_client::percent_encode(args.text("JOB")) + "/run";
  const auto input = args.find("input");
  boost::system::error_code error;
  const auto body = input ? boost::json::parse(*input, error) : boost::json::value();
  if (error) throw Failure(Cause::usage, "--input is not JSON", "write it like '{\"table\": \"orders\"}'");
  const Response response = input ? api.post(target, body) : api.post(target);
  expect(response, {202}, "run the job " + escape_control(args.text("JOB")));
  return contract::read<contract::JobAnswer>(response.json());
}
contract::JobAnswer cancel_job(const Args& args) {
  Api api;
  const Response response =
      api.post("/api/admin/jobs/" + http_client::percent_encode(args.text("JOB")) + "/cancel");
  expect(response, {202}, "cancel the job " + escape_control(args.text("JOB")));
  return contract::read<contract::JobAnswer>(response.json());
}
void show_answer(const contract::JobAnswer& answer) {
  print("{}: agnes admin jobs list", answer.status == contract::JobAnswer::Status::started
                                         ? "The job has begun"
                                         : "The job was asked to stop");
}

const Argument kJob{.name = "JOB", .help = "Its name, as agnes admin jobs list has it"};
}  // namespace

std::vector<Command> admin_job_commands() {
  return {
      {.name = "sync",
       .help = "Bring the tables from their sources now, and tell what failed",
       .arguments = {{.name = "TABLES",
                      .help = "Only these, by id or name, with commas between them",
                      .required = false}},
       .options = {{.names = "--no-wait", .value = "", .help = "Do not wait for the end"}},
       .run = answers(sync, show_synced, tell_problems),
       .example = "  agnes admin sync orders,customers\n"},
      {.name = "jobs",
       .help = "What runs in the background at the server",
       .commands = {
           {.name = "list",
            .help = "List the jobs: last and next run, outcome",
            .run = answers(list_jobs, show_jobs)},
           {.name = "run",
            .help = "Run a job now, whatever its schedule",
            .arguments = {kJob},
            .options = {{.names = "--input", .value = "JSON", .help = "Its input, for jobs that take one"}},
            .run = answers(run_job, show_answer)},
           {.name = "cancel",
            .help = "Ask a running job to stop",
            .arguments = {kJob},
            .run = answers(cancel_job, show_answer)}}}};
}

}  // namespace agnes::cli
