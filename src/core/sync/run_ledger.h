#pragma once

#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/extracts/extract_reader.h"
#include "core/sync/connector.h"
#include "core/sync/registry_snapshot.h"
#include "lib/base/time.h"

namespace agnes::sync {

// What one run knows of its tables: made by `ingest`, completed by the orchestrator, recorded once at the run's end.
struct RunLedger {
  Timestamp started;
  TableSelection selection = TableSelection::all();
  std::vector<TableOutcome> outcomes = {};  // as the connectors report them
  std::exception_ptr failure = {};          // the first reason why not all selected tables were tried
  // What else is wrong, by the type of the source: an entry for each that was asked.
  std::map<std::string, std::vector<extracts::Problem>> problems = {};
  std::vector<Failure> missing = {};  // registered tables that neither a connector nor an extract has
  // Tables that were registered when the run began and are not any more; in lower case. Nothing is recorded of them.
  std::unordered_set<std::string> unregistered = {};

  bool is_unregistered(std::string_view table) const { return unregistered.contains(to_lower(table)); }
  // The tables that a connector reported, in lower case.
  std::unordered_set<std::string> reported() const;
  // Those that failed, and those that went well.
  std::vector<Failure> failed() const;
  std::vector<std::string> succeeded() const;
};

// The new tables of a run, as they are to be registered. Pure.
std::vector<catalog::Registration> new_registrations(const RunLedger& run, Timestamp now);
// Registers those whose id and name are still free, and answers all that is registered then.
std::vector<catalog::Registration> register_new(state::Tx& tx,
                                                const std::vector<catalog::Registration>& found);

// Of the selected tables of `registry` that a sync should have brought, those that no connector reported and that no
// extract holds. `own_source` is the type of the server's own source. Pure.
std::vector<Failure> missing_tables(const RegistrySnapshot& registry, const RunLedger& run,
                                    const extracts::Catalogue& catalogue, std::string_view own_source);

// Which source has the name of a view.
struct ViewOwner {
  std::string source_name, view_name;
  std::optional<Timestamp> registered_at;
};
BOOST_DESCRIBE_STRUCT(ViewOwner, (), (source_name, view_name, registered_at))
std::vector<ViewOwner> view_owners(state::Tx& tx);
// The source of the view with that name, in any case.
std::optional<std::string> owner_of(state::Tx& tx, std::string_view name);

// Records what the run knows, and what has changed in the extracts; null: they were not read.
void record(state::Tx& tx, const RunLedger& run, const extracts::Catalogue* catalogue);

}  // namespace agnes::sync
