#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/catalog/generation.h"
#include "core/sync/ledger.h"
#include "core/sync/registry_snapshot.h"
#include "core/sync/table_selection.h"

namespace agnes::sync {

// What a run is asked for: the tables that are due by their schedules; or all, but for materialized ones that are not
// due, whose queries may cost money.
enum class SyncScope { due, all };

// Why a table is brought, or is not.
enum class PlanReason {
  named,             // somebody asked for it
  everything,        // somebody asked for all tables
  no_schedule,       // brought in each run
  invalid_schedule,  // the same
  never_synced,
  scheduled,      // by its schedule it is time
  no_data,        // a materialized table whose file is not there
  not_yet,        // by its schedule it is not time
  retry_not_yet,  // a materialized table whose last attempt failed a short while ago
};
std::string_view describe(PlanReason reason);

struct PlannedTable {
  std::string name;
  bool due = false;
  PlanReason reason = PlanReason::not_yet;
};

// Which tables a run brings.
struct SyncPlan {
  std::vector<PlannedTable> tables;
  bool new_tables = false;            // and those that are new in the source
  std::vector<std::string> warnings;  // of settings that an operator should correct, a line each

  std::size_t due() const;
  std::size_t not_due() const { return tables.size() - due(); }
  // For the connectors: all, when there is nothing that is not due.
  TableSelection selection() const;
};

// Pure functions. `served` is the generation that is served, null before the first.
SyncPlan make_plan(const RegistrySnapshot& registry, const Ledger::Entries& ledger,
                   const catalog::Generation* served, Timestamp now, SyncScope scope);
// Just these tables, by id or name; what is not served has no name any more and is passed over.
SyncPlan plan_of(const std::vector<std::string>& tables, const catalog::Generation& served);

}  // namespace agnes::sync
