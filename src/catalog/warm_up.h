#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "catalog/profiles.h"
#include "catalog/remote_metadata.h"
#include "http/response.h"

namespace agnes::catalog {

inline constexpr const char* kWarmUpJob = "cache-warmup";

// Makes ahead what the first analyst would wait for: the profile of each registered table that is here and
// has none of its present data (tables that are not to be profiled are left out), what the engine says of
// each remote one. One run at a time, as a job, when an admin asks. Thread-safe.
class WarmUp {
 public:
  WarmUp(state::Store& store, const Generations& generations, jobs::Runner& runner, Profiles& profiles,
         RemoteMetadataCache& remote)
      : store_(store), generations_(generations), runner_(runner), profiles_(profiles), remote_(remote) {}

  // {"run_id", "trigger", "started_at", "completed_at", "total", "completed", "failed", "rows": {id: {...}}}
  // of the present or the last run; {"state": "never_run"} when there was none.
  boost::json::object status() const;
  // {"run_id", "status": "started" or "already_running"}
  boost::json::object start();
  // Tells a run as it goes: `snapshot` with the status, `row` with each row that changes, `complete`; `idle`
  // when there was none. Ends with the run, or when the reader has gone.
  void tell(http::EventWriter& events) const;

 private:
  struct Run;
  struct Item {
    Registration row;
    const Table* table;  // null: a remote one
  };
  boost::json::object work(const jobs::Context& context, const std::shared_ptr<Run>& run);
  std::vector<Item> items(const Generation& generation) const;

  state::Store& store_;
  const Generations& generations_;
  jobs::Runner& runner_;
  Profiles& profiles_;
  RemoteMetadataCache& remote_;

  mutable std::mutex mutex_;  // guards what follows, and what it points to
  mutable std::condition_variable changed_;
  std::shared_ptr<Run> run_;
};

}  // namespace agnes::catalog
