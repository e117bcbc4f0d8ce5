#include "core/sync/run_ledger.h"

#include "core/state/audit.h"
#include "core/sync/publication.h"

namespace agnes::sync {

namespace {

void record_catalogue(state::Tx& tx, const RegistrySnapshot& registry, const extracts::Catalogue& catalogue) {
  std::vector<SyncState> changed;
  for (const auto& table : catalogue.tables) {
    SyncState state{.table_id = table.name,
                    .last_sync = table.extracted_at ? table.extracted_at : std::optional(now()),
                    .rows = table.rows,
                    .file_size_bytes = static_cast<std::int64_t>(table.size_bytes),
                    .uncompressed_size_bytes = 0,
                    .columns = static_cast<std::int64_t>(table.columns.size()),
                    .hash = table.hash,
                    .status = "ok",
                    .error = std::nullopt};
    const auto* known = registry.state_of(table.name);
    const bool same = known != nullptr && known->hash == state.hash && known->rows == state.rows &&
                      known->file_size_bytes == state.file_size_bytes && known->last_sync;
    if (!same) changed.push_back(std::move(state));
  }
  record_syncs(tx, changed);

  const auto owners = view_owners(tx);
  const auto owner_of = by_name(owners, [](const ViewOwner& owner) { return owner.view_name; });
  std::vector<ViewOwner> new_owners;
  std::unordered_set<std::string> taken;
  for (const auto& [view, source] : catalogue.owners) {
    taken.insert(to_lower(view));
    const auto found = owner_of.find(to_lower(view));
    if (found == owner_of.end() || found->second->source_name != source)
      new_owners.push_back({source, view, now()});
  }
  std::vector<std::string> free_names;
  for (const auto& owner : owners)
    if (!taken.contains(to_lower(owner.view_name))) free_names.push_back(owner.view_name);
  tx.execute_for("DELETE FROM view_ownership WHERE view_name IN", free_names);
  tx.insert("view_ownership", new_owners,
            "ON CONFLICT (view_name) DO UPDATE SET source_name = excluded.source_name");
}

// Of tables that are neither registered nor in an extract any more, nothing is kept but their history.
void forget_gone(state::Tx& tx, const RegistrySnapshot& registry, const extracts::Catalogue& catalogue) {
  std::unordered_set<std::string> there;
  for (const auto& table : catalogue.tables) there.insert(to_lower(table.name));
  std::vector<std::string> gone;
  for (const auto& state : all_states(tx))
    if (!there.contains(to_lower(state.table_id)) && registry.find(state.table_id) == nullptr)
      gone.push_back(state.table_id);
  tx.execute_for("DELETE FROM sync_state WHERE table_id IN", gone);
}

}  // namespace

std::unordered_set<std::string> RunLedger::reported() const {
  std::unordered_set<std::string> out;
  for (const auto& table : outcomes) out.insert(to_lower(table.name));
  return out;
}

std::vector<Failure> RunLedger::failed() const {
  std::vector<Failure> out;
  for (const auto& table : outcomes)
    if (table.failed && !is_unregistered(table.name))
      out.push_back({table.name, table.error, table.duration_ms, table.kind});
  return out;
}

std::vector<std::string> RunLedger::succeeded() const {
  std::vector<std::string> out;
  for (const auto& table : outcomes)
    if (!table.failed && !is_unregistered(table.name)) out.push_back(table.name);
  return out;
}

std::vector<catalog::Registration> new_registrations(const RunLedger& run, Timestamp now) {
  std::vector<catalog::Registration> out;
  for (const auto& table : run.outcomes) {
    if (!table.is_new || table.failed) continue;
    auto& row = out.emplace_back();
    row.id = catalog::id_for(table.name);
    row.name = table.name;
    row.source_type = table.source_type;
    row.description = table.description;
    row.registered_by = "sync";
    row.registered_at = now;
  }
  return out;
}

std::vector<catalog::Registration> register_new(state::Tx& tx,
                                                const std::vector<catalog::Registration>& found) {
  auto registered = catalog::all(tx);
  std::unordered_set<std::string> names, ids;
  for (const auto& row : registered) {
    names.insert(to_lower(row.name));
    ids.insert(row.id);
  }
  std::vector<catalog::Registration> rows;
  boost::json::array row_ids;
  for (const auto& row : found) {
    // As catalog::refuse_taken has it.
    const bool taken = names.contains(to_lower(row.name)) || names.contains(row.id) || ids.contains(row.name);
    if (taken || !ids.insert(row.id).second) continue;
    names.insert(to_lower(row.name));
    rows.push_back(row);
    row_ids.emplace_back(row.id);
  }
  if (rows.empty()) return registered;
  catalog::insert_all(tx, rows);
  state::record(tx, {}, "register_tables", "", {{"found_by", "sync"}, {"tables", row_ids}});
  registered.insert(registered.end(), rows.begin(), rows.end());
  return registered;
}

std::vector<Failure> missing_tables(const RegistrySnapshot& registry, const RunLedger& run,
                                    const extracts::Catalogue& catalogue, std::string_view own_source) {
  const auto reported = run.reported();
  std::unordered_set<std::string> with_data;
  for (const auto& table : catalogue.tables)
    if (holds_data(table)) with_data.insert(to_lower(table.name));
  std::vector<Failure> out;
  for (const auto& row : registry.tables()) {
    const std::string key = to_lower(row.name);
    const bool local = catalog::is_local(row) && row.source_type == own_source;
    const bool materialized = catalog::is_materialized(row);
    if ((!local && !materialized) || !run.selection.includes(key) || run.is_unregistered(key) ||
        reported.contains(key) || with_data.contains(key))
      continue;
    out.push_back({row.name,
                   local ? fmt::format("the source has no table '{}': bring it back there, or "
                                       "take it out of the registry",
                                       row.name)
                         : fmt::format("a source of type {} runs no queries, so nothing can be "
                                       "materialized: register it with query_mode local, or at a "
                                       "source that does",
                                       row.source_type.value_or("?")),
                   0, "missing"});
  }
  return out;
}

std::vector<ViewOwner> view_owners(state::Tx& tx) {
  return tx.rows<ViewOwner>("SELECT * FROM view_ownership");
}

std::optional<std::string> owner_of(state::Tx& tx, std::string_view name) {
  return tx.scalar<std::string>(
      "SELECT source_name FROM view_ownership WHERE lower(view_name) = lower(?) LIMIT 1", std::string(name));
}

void record(state::Tx& tx, const RunLedger& run, const extracts::Catalogue* catalogue) {
  const auto registry = RegistrySnapshot::read(tx);
  // First: a table that failed says so, though its extract has changed since it was read.
  if (catalogue != nullptr) {
    record_catalogue(tx, registry, *catalogue);
    forget_gone(tx, registry, *catalogue);
  }
  auto failures = run.failed();
  // Each run finds the same tables missing: the history has that once.
  for (const auto& failure : run.missing)
    if (const auto* state = registry.state_of(failure.table);
        state == nullptr || state->error != failure.error)
      failures.push_back(failure);
  record_failures(tx, failures);
  clear_failures(tx, run.succeeded());
}

}  // namespace agnes::sync
