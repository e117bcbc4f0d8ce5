#include "features/operation/job_routes.h"

#include <algorithm>

#include "contract/jobs.h"
#include "core/state/audit.h"
#include "lib/base/json.h"

namespace agnes::operation {

namespace {

// How long a stream may be silent before it sends a comment, and how often it looks whether its reader has
// gone.
constexpr std::chrono::seconds kHeartbeat{15};
constexpr std::chrono::milliseconds kPollInterval{500};
// A job that reports often is told this often.
constexpr std::chrono::milliseconds kMinimumPause{100};

struct CancelQuery {
  std::optional<std::string> run;
  static constexpr json::Rule rules[] = {
      {.field = "run", .description = "Only the run of this id, as the list of jobs has it"}};
};
BOOST_DESCRIBE_STRUCT(CancelQuery, (), (run))

// lib/jobs knows of no contract: the same members, one by one by their names.
contract::Job shown(const jobs::JobState& state) {
  return json::from_json<contract::Job>(json::to_json(state));
}
contract::JobList list_of(const jobs::Service& jobs) {
  contract::JobList out;
  for (const auto& state : jobs.jobs()) out.jobs.push_back(shown(state));
  return out;
}

void record_job(state::Store& store, const http::Request& request, const http::Caller& caller,
                const char* action, const std::string& name) {
  store.write([&](state::Tx& tx) {
    state::record(tx, state::Actor::of(caller, request.client_address()), action, "job:" + name);
  });
}

void tell(http::EventWriter& events, const jobs::Service& jobs) {
  // Read before the list, so that nothing falls between the two.
  auto revision = jobs.changes(0, {}).revision;
  events.send(json::to_text(list_of(jobs)), "jobs", std::to_string(revision));
  auto spoken = std::chrono::steady_clock::now();
  while (!events.gone()) {
    const auto changes = jobs.changes(revision, kPollInterval);
    const auto moment = std::chrono::steady_clock::now();
    if (changes.revision > revision) {
      revision = changes.revision;
      for (const auto& state : jobs.jobs())
        if (std::binary_search(changes.names.begin(), changes.names.end(), state.name) &&
            !events.send(json::to_text(shown(state)), "job", std::to_string(revision)))
          return;
      spoken = moment;
    } else if (moment - spoken >= kHeartbeat) {
      if (!events.heartbeat()) return;
      spoken = moment;
    }
    if (!events.wait(kMinimumPause)) return;
  }
}

}  // namespace

void add_job_routes(http::Routes& routes, state::Store& store, jobs::Service& jobs) {
  using http::Auth;
  routes.get("/api/admin/jobs",
             {.auth = Auth::admin,
              .tag = "jobs",
              .summary = "Background jobs: last and next run, outcome, progress"},
             [&jobs] { return list_of(jobs); });

  routes.get(
      "/api/admin/jobs/stream",
      {.auth = Auth::admin,
       .tag = "jobs",
       .summary = "The same as server-sent events, as it changes",
       .description =
           "First an event `jobs` with the list, then an event `job` with the state of each job that has "
           "changed. States that a job passes within a tenth of a second may be left out.",
       .answer_type = "text/event-stream"},
      [&jobs] { return http::Response::events([&](http::EventWriter& events) { tell(events, jobs); }); });

  routes.post(
      "/api/admin/jobs/{name}/run",
      {.auth = Auth::admin,
       .status = 202,
       .tag = "jobs",
       .summary = "Run a job now, whatever its schedule",
       .description = "The body is the job's input, for those that take one; docs/jobs.md tells which do."},
      [&](const http::Request& request, const http::Caller& caller, const http::Param<"name">& name,
          const std::optional<boost::json::value>& input) {
        const auto id = jobs.run_now(*name, input.value_or(nullptr));
        record_job(store, request, caller, "job.run", *name);
        return contract::JobAnswer{*name, contract::JobAnswer::Status::started, id};
      });

  routes.post("/api/admin/jobs/{name}/cancel",
              {.auth = Auth::admin,
               .status = 202,
               .tag = "jobs",
               .summary = "Ask a job's runs to stop, and take its waiting ones out of the queue"},
              [&](const http::Request& request, const http::Caller& caller, const http::Param<"name">& name,
                  const http::Query<CancelQuery>& query) {
                jobs.cancel(*name, query->run);
                record_job(store, request, caller, "job.cancel", *name);
                return contract::JobAnswer{*name, contract::JobAnswer::Status::cancelling, query->run};
              });
}

}  // namespace agnes::operation
