#include "core/sync/plan.h"

#include "lib/jobs/schedule.h"

namespace agnes::sync {

namespace {

// Of materialized tables without one, as the contract has it: their queries may cost money.
constexpr const char* kMaterializedSchedule = "every 1h";
constexpr std::int64_t kRetrySeconds = 60 * 60;

bool has_invalid_schedule(const catalog::Registration& row) {
  return row.sync_schedule && !row.sync_schedule->empty() && !jobs::Schedule::parse(*row.sync_schedule);
}

std::string invalid_schedule_warning(const catalog::Registration& row) {
  return fmt::format(
      "table {}: invalid schedule {:?}, so it is synced {}; write \"every 6h\" or \"daily 03:00\"", row.name,
      *row.sync_schedule, catalog::is_materialized(row) ? kMaterializedSchedule : "each time");
}

struct Decision {
  bool due;
  PlanReason reason;
};

Decision by_schedule(const jobs::Schedule& schedule, std::optional<Timestamp> last, Timestamp now) {
  if (!last) return {true, PlanReason::never_synced};
  if (schedule.due(last, now)) return {true, PlanReason::scheduled};
  return {false, PlanReason::not_yet};
}

Decision decide(const catalog::Registration& row, const SyncState* state, const LedgerEntry& entry,
                const catalog::Generation* served, Timestamp now, SyncScope scope) {
  const bool materialized = catalog::is_materialized(row);
  if (scope == SyncScope::all && !materialized) return {true, PlanReason::everything};
  auto schedule = row.sync_schedule ? jobs::Schedule::parse(*row.sync_schedule) : std::nullopt;
  if (!schedule && !materialized)
    return {true, has_invalid_schedule(row) ? PlanReason::invalid_schedule : PlanReason::no_schedule};
  if (!schedule) schedule = jobs::Schedule::parse(kMaterializedSchedule);

  auto last = entry.succeeded;
  if (!last && state != nullptr) last = state->last_sync;
  auto out = by_schedule(*schedule, last, now);
  if (!materialized) return out;

  const auto* table = served == nullptr ? nullptr : served->find(row.id);
  if (!out.due && table != nullptr && !table->has_data()) out = {true, PlanReason::no_data};
  // A query that fails late costs what it costs each time.
  if (out.due && entry.failed && *entry.failed <= now &&
      now < std::min(schedule->next_after(*entry.failed), plus_seconds(*entry.failed, kRetrySeconds)))
    out = {false, PlanReason::retry_not_yet};
  return out;
}

}  // namespace

std::string_view describe(PlanReason reason) {
  switch (reason) {
    case PlanReason::named:
      return "requested by name";
    case PlanReason::everything:
      return "requested with all tables";
    case PlanReason::no_schedule:
      return "no schedule";
    case PlanReason::invalid_schedule:
      return "invalid schedule";
    case PlanReason::never_synced:
      return "never synced";
    case PlanReason::scheduled:
      return "scheduled";
    case PlanReason::no_data:
      return "no data yet";
    case PlanReason::not_yet:
      return "not yet due by its schedule";
    case PlanReason::retry_not_yet:
      return "failed, and not yet due for a retry";
  }
  return "";
}

std::size_t SyncPlan::due() const {
  return static_cast<std::size_t>(
      std::count_if(tables.begin(), tables.end(), [](const PlannedTable& table) { return table.due; }));
}

TableSelection SyncPlan::selection() const {
  if (new_tables && not_due() == 0) return TableSelection::all();
  std::vector<std::string> names;
  for (const auto& table : tables)
    if (table.due) names.push_back(table.name);
  return new_tables ? TableSelection::named_and_new(names) : TableSelection::named(names);
}

SyncPlan make_plan(const RegistrySnapshot& registry, const Ledger::Entries& ledger,
                   const catalog::Generation* served, Timestamp now, SyncScope scope) {
  SyncPlan out;
  out.new_tables = true;
  for (const auto& row : registry.tables()) {
    if (has_invalid_schedule(row)) out.warnings.push_back(invalid_schedule_warning(row));
    const auto entry = ledger.find(to_lower(row.name));
    const auto decision = decide(row, registry.state_of(row.name),
                                 entry == ledger.end() ? LedgerEntry() : entry->second, served, now, scope);
    out.tables.push_back({row.name, decision.due, decision.reason});
  }
  return out;
}

SyncPlan plan_of(const std::vector<std::string>& tables, const catalog::Generation& served) {
  SyncPlan out;
  for (const auto& id_or_name : tables)
    if (const auto* table = served.find(id_or_name))
      out.tables.push_back({table->name, true, PlanReason::named});
  return out;
}

}  // namespace agnes::sync
