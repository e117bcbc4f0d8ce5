#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/json/object.hpp>

#include "core/catalog/generation.h"
#include "core/catalog/registry.h"
#include "core/catalog/warmer.h"
#include "core/state/store.h"
#include "lib/jobs/service.h"

namespace agnes::profiles {

using catalog::Generation;
using catalog::Generations;
using catalog::Table;

inline constexpr const char* kProfilesJob = "profiles";

// Computes what can be said of a table's data (read_profile) in a worker process; set by the
// server. Blocks until done; asks `stop` whether it should give up.
using ComputeProfile = std::function<boost::json::object(
    const Table& table, const std::vector<std::string>& primary_key, const StopToken& stop)>;

// The profiles of tables, kept in `table_profiles` by the table's id. Thread-safe.
//
// A background job renews them when a new generation brings other data than the one before: those of all
// registered tables whose profile is not of their present data, but not of those that are registered without
// `profile_after_sync`. A start alone, or a change of the registry, starts nothing.
class Profiles {
 public:
  // `data` is the data directory: profiles.json of older deployments is read where the database has nothing.
  Profiles(state::Store& store, Generations& generations, jobs::Service& jobs, std::filesystem::path data,
           ComputeProfile compute, const std::vector<catalog::TableUses>& uses);

  // In the contract's form, with what is known of the table at this moment; nothing when there is none yet.
  std::optional<boost::json::object> find(const Table& table);
  // Makes the table's profile, unless there is one of its present data, and gives the number of columns.
  // One at a time for a `caller`; none is the server itself. Throws Error: not_found when the table has no data here, too_many when
  // one of the caller's is being made, unavailable when too many others are, timeout when it takes too long or `stop` says so.
  std::int64_t refresh(const Table& table, const std::string& caller = "", const StopToken& stop = {});
  // Takes registered tables that are here and profiled after a sync.
  catalog::Warmer warmer();
  // The background job.
  jobs::Kind kind();

 private:
  void changed(const Generation& generation);
  jobs::Done renew(const jobs::Context& context, bool retry_failed);
  // The number of columns when the stored profile is of that.
  std::optional<std::int64_t> columns_of(const std::string& table_id, const std::string& stamp);
  std::int64_t make(const Table& table, const std::vector<std::string>& primary_key, const std::string& stamp,
                    const StopToken& stop);

  state::Store& store_;
  Generations& generations_;
  jobs::Service& jobs_;
  const std::filesystem::path data_;
  const ComputeProfile compute_;
  const std::vector<catalog::TableUses>& uses_;

  static constexpr int kAtOnce = 2;
  std::counting_semaphore<kAtOnce> asked_for_{kAtOnce};  // callers' computations at once

  std::mutex mutex_;                         // guards what follows
  std::unordered_set<std::string> making_;   // ids of tables
  std::unordered_set<std::string> callers_;  // for whom one is made
  std::condition_variable made_;
  std::optional<std::unordered_set<std::string>> known_;  // stamps of the latest generation
  std::unordered_set<std::string> failed_;                // stamps that no profile could be made of
};

}  // namespace agnes::profiles
