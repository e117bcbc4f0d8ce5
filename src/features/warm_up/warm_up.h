#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "contract/warm_up.h"
#include "core/catalog/generation.h"
#include "core/catalog/warmer.h"
#include "core/state/store.h"
#include "lib/http/response.h"
#include "lib/http/routes.h"
#include "lib/jobs/service.h"

namespace agnes::warm_up {

using catalog::Generation;
using catalog::Generations;
using catalog::Table;

inline constexpr const char* kWarmUpJob = "cache-warmup";

// Makes ahead what the first analyst would wait for, table by table, by the warmers of other features: profiles, what
// the engine says of a remote table. One run at a time, as a job, when an admin asks. Thread-safe.
class WarmUp {
 public:
  WarmUp(state::Store& store, const Generations& generations, jobs::Service& jobs,
         const std::vector<catalog::Warmer>& warmers)
      : store_(store), generations_(generations), jobs_(jobs), warmers_(warmers) {}

  // A contract::WarmUpStatus: the present or the last run, {"state": "never_run"} when there was none.
  boost::json::object status() const;
  contract::WarmUpStarted start();
  // The background job.
  jobs::Kind kind();
  // Tells a run as it goes: `snapshot` with the status, `row` with each row that changes, `complete`; `idle`
  // when there was none. Ends with the run, or when the reader has gone.
  void tell(http::EventWriter& events) const;

 private:
  struct Run;
  struct Item {
    catalog::Registration row;
    const Table* table;  // null: its data is not here
    const catalog::Warmer* warmer;
  };
  jobs::Done work(const jobs::Context& context);
  // That of this id, which becomes the present one. With the lock.
  std::shared_ptr<Run> run_of(const std::string& run_id);
  std::vector<Item> items(const Generation& generation) const;

  state::Store& store_;
  const Generations& generations_;
  jobs::Service& jobs_;
  const std::vector<catalog::Warmer>& warmers_;

  mutable std::mutex mutex_;  // guards what follows, and what it points to
  mutable std::condition_variable changed_;
  std::shared_ptr<Run> run_;
};

// /api/admin/cache-warmup.
void add_routes(http::Routes& routes, WarmUp& warm_up);

}  // namespace agnes::warm_up
