#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// Background work: /api/admin/jobs, /api/sync/trigger.
namespace agnes::contract {

// A client reads one that it does not know as the first, as not well.
enum class JobOutcome { failed, queued, running, ok, partly, cancelled };
BOOST_DESCRIBE_ENUM(JobOutcome, failed, queued, running, ok, partly, cancelled)

struct JobRun {
  std::string id, key;
  JobOutcome outcome = JobOutcome::failed;
  int attempts = 0;  // begun
  Timestamp queued;
  std::optional<Timestamp> started, ended;  // of the latest attempt
  std::optional<Timestamp> next_attempt;    // while it waits for that
  std::optional<std::string> error;         // of the latest attempt that failed
  std::vector<std::string> failures;        // parts of it
};
BOOST_DESCRIBE_STRUCT(JobRun, (),
                      (id, key, outcome, attempts, queued, started, ended, next_attempt, error, failures))

struct Job {
  std::string name, description;
  std::optional<std::string> schedule;
  std::optional<Timestamp> next_run;
  bool running = false;
  std::optional<Timestamp> last_run;  // when it began
  std::optional<JobOutcome> outcome;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> error;
  boost::json::value progress, result;
  std::vector<std::string> failures;  // the parts of the last run that failed
  std::int64_t queued = 0;            // runs that wait: for their place, or for another attempt
  bool durable = false;
  std::vector<JobRun> runs;
  static constexpr json::Rule rules[] = {
      {.field = "progress",
       .description = "Of the run under way, in a form of the job's own; null without one"},
      {.field = "result", .description = "Of the last run, in a form of the job's own"},
      {.field = "runs", .description = "Under way, waiting, and the latest that ended"}};
};
BOOST_DESCRIBE_STRUCT(Job, (),
                      (name, description, schedule, next_run, running, last_run, outcome, duration_ms, error,
                       progress, result, failures, queued, durable, runs))
struct JobList {
  std::vector<Job> jobs;
};
BOOST_DESCRIBE_STRUCT(JobList, (), (jobs))

struct JobAnswer {
  enum class Status { started, cancelling };
  BOOST_DESCRIBE_NESTED_ENUM(Status, started, cancelling)
  std::string name;
  Status status = Status::started;
  std::optional<std::string> run;  // its id
  static constexpr json::Rule rules[] = {{.field = "run", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(JobAnswer, (), (name, status, run))

// How far a sync is.
struct SyncProgress {
  std::string table, state;
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
};
BOOST_DESCRIBE_STRUCT(SyncProgress, (), (table, state, done, total))

struct SyncFailure {
  std::string table, error;
};
BOOST_DESCRIBE_STRUCT(SyncFailure, (), (table, error))
struct SyncProblem {
  std::string kind, table, message;  // table: may be empty
};
BOOST_DESCRIBE_STRUCT(SyncProblem, (), (kind, table, message))
// What a sync tells at its end, as far as a client reads it.
struct SyncResult {
  std::optional<std::int64_t> tables;
  std::vector<SyncFailure> failed;
  std::vector<SyncProblem> problems, notes;
};
BOOST_DESCRIBE_STRUCT(SyncResult, (), (tables, failed, problems, notes))

struct SyncStatus {
  bool locked = false;
};
BOOST_DESCRIBE_STRUCT(SyncStatus, (), (locked))

}  // namespace agnes::contract
