#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "core/catalog/generation.h"
#include "core/catalog/registry.h"
#include "core/state/store.h"
#include "core/sync/catalogue_reader.h"
#include "core/sync/extensions.h"
#include "core/sync/ingest.h"
#include "core/sync/ledger.h"
#include "core/sync/plan.h"
#include "core/sync/publisher.h"
#include "lib/base/json.h"
#include "lib/jobs/service.h"

namespace agnes::sync {

inline constexpr const char* kSyncJob = "sync";
inline constexpr const char* kRebuildJob = "rebuild";
inline constexpr const char* kRemoveTableJob = "remove-table";

// Input of kSyncJob: these tables, by id or name; or all, but for materialized ones that are not due; or, without
// either, those that are due by their own schedules (`sync_schedule`), those that have none, and new ones.
struct SyncInput {
  std::optional<std::vector<std::string>> tables;
  bool all = false;
  static constexpr json::Rule rules[] = {{.field = "all", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(SyncInput, (), (tables, all))

// Input of kRemoveTableJob: a table as it was registered. Nothing is done when one like it is registered again.
struct RemoveTable {
  std::string table, source_type, query_mode = "local";
  static constexpr json::Rule rules[] = {{.field = "table", .min_length = 1},
                                         {.field = "query_mode", .has_default = true}};
  std::string key() const { return table + " of " + source_type; }
};
BOOST_DESCRIBE_STRUCT(RemoveTable, (), (table, source_type, query_mode))

// Wires the parts of a sync: which tables are due (plan), what connectors bring of them (ingest), and the generation
// that is served of it (publisher); and the jobs that run them. Everything that reads a file of others runs in an
// `extract` worker process. Thread-safe.
class Orchestrator {
 public:
  // Without connectors there is nothing to extract: syncs only read what the extracts hold. Reading them may
  // take `read_limit`; of one that takes longer by itself, or ends the process that reads it, the tables are
  // not served until its extract.duckdb changes or `reread` is asked for. `remote`: what extracts may attach.
  Orchestrator(const config::Places& places, state::Store& store, catalog::Generations& generations,
               jobs::Service& jobs, Connectors connectors, std::chrono::seconds read_limit,
               std::function<extracts::RemoteRules()> remote, Extensions& extensions);

  // Publishes what the run before this one served, if it can be, and starts the job that reads the extracts again.
  void start();
  // Starts a sync of these tables (ids or names), or of all; materialized ones, whose queries may cost money,
  // only when they are due or named. Throws Error: not_found naming a table that does not exist, conflict
  // when a sync is under way.
  void trigger(const std::optional<std::vector<std::string>>& tables);
  void add_jobs(jobs::Service& jobs, std::int64_t interval_seconds);
  // Tables whose last sync since the start failed, with the reason.
  std::vector<Failure> failures() const { return ledger_.failures(); }
  // What of the extracts is not served, and why, as of the last reading; what extensions are missing; and what is wrong
  // with the sources as of the last sync.
  std::vector<extracts::Problem> problems() const;
  bool syncing() const { return jobs_.running(kSyncJob); }

  // What a table is brought from has changed: it is due, whenever it was synced.
  void redefined(const catalog::Registration& row) { ledger_.redefined(row.name); }
  // The registry has changed: publishes a generation with it, from the extracts as last read.
  void refresh() { publisher_.refresh(); }
  // Wrong for as long as this process runs. Before `start`.
  void add_problem(extracts::Problem problem) { standing_.push_back(std::move(problem)); }
  // A table was unregistered: takes its data away in the background.
  void removed(const catalog::Registration& row);

 private:
  jobs::Done sync(const jobs::Context& context, const SyncInput& input);
  jobs::Done reread(const jobs::Context& context);
  void remove(const jobs::Context& context, const RemoveTable& input);

  // Of the sources and the server's own settings, without those of the extracts.
  std::vector<extracts::Problem> source_problems() const;
  SyncPlan plan(const SyncInput& input, const RegistrySnapshot& registry) const;
  // The one look at the registry after the connectors: takes out again what they brought of tables that were
  // unregistered meanwhile.
  void drop_unregistered(RunLedger& run, const RegistrySnapshot& before,
                         const std::vector<catalog::Registration>& registered, const jobs::Context& context);
  // With `rebuilding_` held: reads the extracts; publishes what was read and tells
  // {"tables": 3, "problems": [{...}]}.
  extracts::Catalogue read(const std::vector<catalog::Registration>& registered,
                           const jobs::Context& context);
  boost::json::object publish(extracts::Catalogue catalogue);
  boost::json::object rebuild(const jobs::Context& context);

  const config::Places places_;
  state::Store& store_;
  catalog::Generations& generations_;
  jobs::Service& jobs_;
  const Connectors connectors_;
  Extensions& extensions_;

  std::vector<extracts::Problem> standing_;
  Ledger ledger_;
  Publisher publisher_;
  std::mutex writing_;     // what a removal takes away, no sync of the table registered anew may be bringing
  std::mutex rebuilding_;  // one rebuild at a time, from reading to publishing; guards the next
  CatalogueReader reader_;
};

}  // namespace agnes::sync
