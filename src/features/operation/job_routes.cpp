#include "features/operation/job_routes.h"

#include <set>

#include "core/state/audit.h"
#include "lib/base/json.h"

namespace agnes::operation {

namespace {

// How long a stream may be silent before it sends a comment, and how often it looks whether its reader has
// gone.
constexpr std::chrono::seconds kHeartbeat{15};
constexpr std::chrono::milliseconds kLook{500};
// A job that reports often is told this often.
constexpr std::chrono::milliseconds kBetween{100};

struct JobList {
  std::vector<jobs::JobState> jobs;
};
BOOST_DESCRIBE_STRUCT(JobList, (), (jobs))

struct JobAnswer {
  std::string name, status;
};
BOOST_DESCRIBE_STRUCT(JobAnswer, (), (name, status))

void record_job(state::Store& store, const http::Request& request, const http::Caller& caller,
                const char* action, const std::string& name) {
  store.write([&](state::Tx& tx) {
    state::record(tx, state::Actor::of(caller, request.client_address()), action, "job:" + name);
  });
}

void tell(http::EventWriter& events, const jobs::Scheduler& scheduler, const jobs::Runner& runner) {
  // Read before the list, so that nothing falls between the two.
  auto revision = runner.changes(0, {}).revision;
  events.send(boost::json::serialize(json::to_json(JobList{scheduler.jobs()})), "jobs",
              std::to_string(revision));
  auto spoken = std::chrono::steady_clock::now();
  while (!events.gone()) {
    const auto changes = runner.changes(revision, kLook);
    const auto moment = std::chrono::steady_clock::now();
    if (changes.revision > revision) {
      revision = changes.revision;
      std::set<std::string> changed;
      for (const auto& run : changes.runs) changed.insert(run.job);
      for (const auto& state : scheduler.jobs())
        if (changed.contains(state.name) &&
            !events.send(boost::json::serialize(json::to_json(state)), "job", std::to_string(revision)))
          return;
      spoken = moment;
    } else if (moment - spoken >= kHeartbeat) {
      if (!events.heartbeat()) return;
      spoken = moment;
    }
    if (!events.wait(kBetween)) return;
  }
}

}  // namespace

void add_job_routes(http::Routes& routes, state::Store& store, jobs::Scheduler& scheduler,
                    const jobs::Runner& runner) {
  using http::Auth;
  routes.get("/api/admin/jobs",
             {.auth = Auth::admin,
              .tag = "jobs",
              .summary = "Background jobs: last and next run, outcome, progress"},
             [&scheduler] { return JobList{scheduler.jobs()}; });

  routes.get(
      "/api/admin/jobs/stream",
      {.auth = Auth::admin,
       .tag = "jobs",
       .summary = "The same as server-sent events, as it changes",
       .description =
           "First an event `jobs` with the list, then an event `job` with the state of each job that has "
           "changed. States that a job passes within a tenth of a second may be left out.",
       .answer_type = "text/event-stream"},
      [&scheduler, &runner] {
        return http::Response::events([&](http::EventWriter& events) { tell(events, scheduler, runner); });
      });

  routes.post(
      "/api/admin/jobs/{name}/run",
      {.auth = Auth::admin, .status = 202, .tag = "jobs", .summary = "Run a job now, whatever its schedule"},
      [&](const http::Request& request, const http::Caller& caller, const http::Param<"name">& name) {
        scheduler.run(*name);
        record_job(store, request, caller, "job.run", *name);
        return JobAnswer{*name, "started"};
      });

  routes.post("/api/admin/jobs/{name}/cancel",
              {.auth = Auth::admin, .status = 202, .tag = "jobs", .summary = "Ask a running job to stop"},
              [&](const http::Request& request, const http::Caller& caller, const http::Param<"name">& name) {
                scheduler.cancel(*name);
                record_job(store, request, caller, "job.cancel", *name);
                return JobAnswer{*name, "cancelling"};
              });
}

}  // namespace agnes::operation
