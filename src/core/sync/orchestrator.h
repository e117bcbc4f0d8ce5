#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "app/config/config.h"
#include "core/catalog/generation.h"
#include "core/catalog/registry.h"
#include "core/extracts/extract_reader.h"
#include "core/state/store.h"
#include "core/sync/connector.h"
#include "core/sync/extensions.h"
#include "core/sync/sync_memory.h"
#include "core/sync/sync_state.h"
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

// Brings data from its source into the extracts, and the extracts into the generation that the server serves.
// Everything that reads a file of others runs in an `extract` worker process. Thread-safe.
class Orchestrator {
 public:
  // The first connector is that of the server's own source. Without any there is nothing to extract: syncs
  // only read what the extracts hold. Reading them may take `read_limit`; of one that takes longer by itself,
  // or ends the process that reads it, the tables are not served until its extract.duckdb changes or `reread`
  // is asked for. `remote`: what extracts may attach.
  Orchestrator(const config::Places& places, state::Store& store, catalog::Generations& generations,
               jobs::Service& jobs, std::vector<std::unique_ptr<Connector>> connectors,
               std::chrono::seconds read_limit, extracts::RemoteRules remote, Extensions& extensions);

  // Starts the job that reads the extracts and publishes the first generation.
  void start();
  // Starts a sync of these tables (ids or names), or of all; materialized ones, whose queries may cost money,
  // only when they are due or named. Throws Error: not_found naming a table that does not exist, conflict
  // when a sync is under way.
  void trigger(const std::optional<std::vector<std::string>>& tables);
  void add_jobs(jobs::Service& jobs, std::int64_t interval_seconds);
  // Tables whose last sync since the start failed, with the reason.
  std::vector<Failure> failures() const;
  // What of the extracts is not served, and why, as of the last reading; and what extensions are missing.
  std::vector<extracts::ReadProblem> problems() const;
  bool syncing() const { return jobs_.running(kSyncJob); }

  // What a table is brought from has changed: it is due, whenever it was synced.
  void redefined(const catalog::Registration& row);
  // The registry has changed: publishes a generation with it, from the extracts as last read.
  void refresh();
  // A table was unregistered: takes its data away in the background.
  void removed(const catalog::Registration& row);

 private:
  jobs::Done sync(const jobs::Context& context, const SyncInput& input);
  jobs::Done reread(const jobs::Context& context);
  void remove(const jobs::Context& context, const RemoveTable& input);
  // Extracts these tables, or all, and rebuilds.
  boost::json::object bring(const jobs::Context& context,
                            const std::optional<std::vector<std::string>>& names);
  struct Extracted {
    std::unordered_set<std::string> told;  // tables that a connector had anything to say of, in lower case
    std::exception_ptr failure;            // of a connector that could do nothing at all
  };
  Extracted extract(const jobs::Context& context, const std::optional<std::vector<std::string>>& names);
  // Of the registered tables, and of new ones, those that are due; `all` leaves out only materialized ones
  // that are not. Nothing when that is every one.
  struct Due {
    std::optional<std::vector<std::string>> names;
    std::size_t due = 0, not_due = 0;
  };
  Due due(bool all) const;
  // Notes which of these registered tables, or of all, neither the connector nor an extract has.
  void report_missing(const std::optional<std::vector<std::string>>& names,
                      const std::unordered_set<std::string>& told);
  // Takes what was brought of tables that were unregistered meanwhile out again.
  void drop_unregistered(const std::vector<catalog::Registration>& before,
                         const std::vector<TableOutcome>& brought, const jobs::Context& context);
  // Reads the extracts, records what changed, publishes; tells {"tables": 3, "problems": [{...}]}.
  boost::json::object rebuild(const jobs::Context& context);
  extracts::Catalogue read(extracts::ReadOptions& options, const jobs::Context& context);
  void find_to_blame(extracts::ReadOptions& options, const jobs::Context& context);
  extracts::Catalogue run_reader(const extracts::ReadOptions& options, const jobs::Context& context,
                                 std::chrono::seconds limit);
  void record(const extracts::Catalogue& catalogue);
  void publish();
  std::vector<std::string> pins_in_use();

  const config::Places places_;
  state::Store& store_;
  catalog::Generations& generations_;
  jobs::Service& jobs_;
  const std::vector<std::unique_ptr<Connector>> connectors_;
  const std::chrono::seconds read_limit_;
  const extracts::RemoteRules remote_;
  Extensions& extensions_;

  SyncMemory memory_;

  struct LeftOut {
    std::optional<extracts::FileStamp> stamp;  // of its extract.duckdb
    std::string reason;
  };
  std::mutex rebuilding_;                    // one rebuild at a time; guards the next
  std::map<std::string, LeftOut> left_out_;  // by name of the source

  mutable std::mutex publishing_;  // guards what follows
  extracts::Catalogue catalogue_;
  std::vector<Failure> failures_;
  std::vector<std::weak_ptr<const catalog::Generation>> published_;
};

}  // namespace agnes::sync
