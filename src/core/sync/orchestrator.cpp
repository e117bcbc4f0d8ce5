#include "core/sync/orchestrator.h"

#include <unordered_map>

#include "core/catalog/registry.h"
#include "core/state/audit.h"
#include "core/sync/publication.h"
#include "core/sync/sync_state.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/jobs/schedule.h"
#include "lib/workers/task.h"

namespace agnes::sync {

namespace {

using boost::json::value;

constexpr const char* kPinFolder = ".agnes-pins";
constexpr const char* kCacheFile = ".agnes-cache.json";
constexpr std::uint64_t kReaderMemory = 2ull << 30;
// Of materialized tables without one, as the contract has it: their queries may cost money.
constexpr const char* kMaterializedSchedule = "every 1h";
constexpr std::int64_t kRetrySeconds = 60 * 60;
constexpr const char* kSyncedFile = "synced.json";  // in the state folder

struct ViewOwner {
  std::string source_name, view_name;
  std::optional<Timestamp> registered_at;
};
BOOST_DESCRIBE_STRUCT(ViewOwner, (), (source_name, view_name, registered_at))

// Whether what an extract holds can have ended its reader so.
bool is_fault_of_extract(const Error& error) {
  return error.kind() == ErrorKind::internal || error.kind() == ErrorKind::timeout;
}

// The result of a materialized table's query is a file that no list of an extract names.
void remove_materialized(const config::Places& places, const RemoveTable& gone) {
  if (!catalog::is_materialized(gone) || !is_identifier(gone.source_type) || !is_table_id(gone.table)) return;
  std::error_code error;
  fs::remove(places.extracts() / gone.source_type / extracts::kDataFolder / (gone.table + ".parquet"), error);
  if (error)
    throw Error(ErrorKind::internal,
                fmt::format("the file of the unregistered table {} stays: {}", gone.table, error.message()));
}

// The lines of a run's result that say what is not as it should be.
std::vector<std::string> failures_in(const boost::json::object& done) {
  std::vector<std::string> out;
  const auto text = [](const value& item, const char* key) { return std::string(item.at(key).as_string()); };
  if (const auto* failed = done.if_contains("failed"))
    for (const auto& item : failed->as_array())
      out.push_back(fmt::format("{}: {}", text(item, "table"), text(item, "error")));
  if (const auto* problems = done.if_contains("problems"))
    for (const auto& item : problems->as_array()) out.push_back(text(item, "message"));
  return out;
}

}  // namespace

Orchestrator::Orchestrator(const config::Places& places, state::Store& store,
                           catalog::Generations& generations, jobs::Service& jobs,
                           std::vector<std::unique_ptr<Connector>> connectors,
                           std::chrono::seconds read_limit, extracts::RemoteRules remote,
                           Extensions& extensions)
    : places_(places),
      store_(store),
      generations_(generations),
      jobs_(jobs),
      connectors_(std::move(connectors)),
      read_limit_(read_limit),
      remote_(std::move(remote)),
      extensions_(extensions),
      memory_(places.state / kSyncedFile) {
  fs::create_directories(places_.extracts() / kPinFolder);
  fs::create_directories(places_.analytics().parent_path());
}

void Orchestrator::add_jobs(jobs::Service& jobs, std::int64_t interval_seconds) {
  using jobs::Context;
  jobs.add({.name = kSyncJob,
            .description = "Brings the tables that are due from the source",
            .schedule = jobs::interval(interval_seconds),
            .work = jobs::work<SyncInput>(
                [this](const Context& context, const SyncInput& input) { return sync(context, input); })});
  jobs.add({.name = kRebuildJob,
            .description = "Reads again what the extracts hold",
            .work = jobs::work([this](const Context& context) { return reread(context); })});
  jobs.add({.name = kRemoveTableJob,
            .description = "Takes away the data of a table that was unregistered",
            .at_once = 2,
            .retry = {.attempts = 6, .base = std::chrono::seconds(10), .cap = std::chrono::minutes(10)},
            .durable = true,
            .follow_up = true,
            .work = jobs::work<RemoveTable>([this](const Context& context, const RemoveTable& input) {
              remove(context, input);
              return jobs::Done();
            })});
}

void Orchestrator::start() {
  jobs_.enqueue(kRebuildJob);
}

void Orchestrator::trigger(const std::optional<std::vector<std::string>>& tables) {
  const bool all = !tables || tables->empty();
  if (!all) {
    const auto generation = generations_.current();
    for (const auto& name : *tables)
      if (generation->find(name) == nullptr)
        throw Error(ErrorKind::not_found, fmt::format("there is no table {}; nothing was started", name));
  }
  SyncInput input{.tables = std::nullopt, .all = all};
  if (!all) input.tables = tables;
  try {
    jobs_.run_now(kSyncJob, json::to_json(input));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::conflict) throw Error(ErrorKind::conflict, "sync_already_in_progress");
    throw;
  }
}

jobs::Done Orchestrator::sync(const jobs::Context& context, const SyncInput& input) {
  std::optional<std::vector<std::string>> names;
  boost::json::object counts;
  if (input.tables) {
    const auto generation = generations_.current();
    names.emplace();
    for (const auto& wanted : *input.tables)
      if (const auto* table = generation->find(wanted)) names->push_back(table->name);
  } else {
    const auto found = due(input.all);
    names = found.names;
    if (!input.all) counts = {{"due", found.due}, {"not_due", found.not_due}};
  }
  auto done = bring(context, names);
  for (auto& count : counts) done[count.key()] = count.value();
  auto failures = failures_in(done);
  return {std::move(done), std::move(failures)};
}

boost::json::object Orchestrator::bring(const jobs::Context& context,
                                        const std::optional<std::vector<std::string>>& names) {
  if (connectors_.empty()) return rebuild(context);
  const auto extracted = extract(context, names);
  if (context.cancelled())
    throw Error(ErrorKind::timeout, "the sync was cancelled; what was finished is kept");
  auto done = rebuild(context);
  if (extracted.failure) std::rethrow_exception(extracted.failure);
  report_missing(names, extracted.told);
  done["failed"] = json::to_json(failures());
  return done;
}

void Orchestrator::report_missing(const std::optional<std::vector<std::string>>& names,
                                  const std::unordered_set<std::string>& told) {
  const auto [registered, states] =
      store_.read([](state::Tx& tx) { return std::pair(catalog::all(tx), all_states(tx)); });
  const auto state_of = by_name(states, [](const SyncState& state) { return state.table_id; });
  const auto generation = generations_.current();
  std::unordered_set<std::string> asked;
  if (names)
    for (const auto& name : *names) asked.insert(to_lower(name));
  std::vector<Failure> missing, fresh;
  for (const auto& row : registered) {
    const std::string key = to_lower(row.name);
    const auto* table = generation->find(row.id);
    const bool local =
        catalog::is_local(row) && row.source_type.value_or("") == connectors_.front()->source_type();
    const bool materialized = catalog::is_materialized(row);
    if ((!local && !materialized) || told.contains(key) || (names && !asked.contains(key)) ||
        (table != nullptr && table->has_data()))
      continue;
    missing.push_back(
        {row.name,
         local ? fmt::format(
                     "the source has no table '{}': bring it back there, or take it out of the registry",
                     row.name)
               : fmt::format(
                     "a source of type {} runs no queries, so nothing can be materialized: register it with "
                     "query_mode local, or at a source that does",
                     row.source_type.value_or("?")),
         0});
    const auto state = state_of.find(key);
    if (state == state_of.end() || state->second->error != missing.back().error)
      fresh.push_back(missing.back());
  }
  if (!fresh.empty()) store_.write([&](state::Tx& tx) { record_failures(tx, fresh); });
  std::lock_guard lock(publishing_);
  std::erase_if(failures_, [&](const Failure& old) {
    const std::string key = to_lower(old.table);
    return asked.contains(key) && !told.contains(key);
  });
  failures_.insert(failures_.end(), missing.begin(), missing.end());
}

Orchestrator::Due Orchestrator::due(bool all) const {
  const auto [registered, states] =
      store_.read([](state::Tx& tx) { return std::pair(catalog::all(tx), all_states(tx)); });
  const auto state_of = by_name(states, [](const SyncState& state) { return state.table_id; });
  const auto generation = generations_.peek();
  const Timestamp moment = now();
  Due out;
  std::vector<std::string> names{kNewTables};
  for (const auto& row : registered) {
    const auto times = memory_.of(row.name);
    const bool materialized = catalog::is_materialized(row);
    auto schedule = row.sync_schedule ? jobs::Schedule::parse(*row.sync_schedule) : std::nullopt;
    if (row.sync_schedule && !row.sync_schedule->empty() && !schedule)
      log::warn(
          "table {}: the schedule {:?} is none, so it is synced each time; write \"every 6h\" or \"daily "
          "03:00\"",
          row.name, *row.sync_schedule);
    if (!schedule && materialized) schedule = jobs::Schedule::parse(kMaterializedSchedule);
    auto last = times.synced;
    if (const auto state = state_of.find(to_lower(row.name)); !last && state != state_of.end())
      last = state->second->last_sync;
    bool is_due = (all && !materialized) || !schedule || schedule->due(last, moment);
    if (materialized) {
      const auto* table = generation == nullptr ? nullptr : generation->find(row.id);
      if (table != nullptr && !table->has_data()) is_due = true;
      // A query that fails late costs what it costs each time.
      if (times.tried && *times.tried <= moment)
        is_due = is_due && moment >= std::min(schedule->next_after(*times.tried),
                                              plus_seconds(*times.tried, kRetrySeconds));
    }
    if (is_due) names.push_back(row.name);
    ++(is_due ? out.due : out.not_due);
  }
  if (out.not_due > 0) out.names = std::move(names);
  return out;
}

jobs::Done Orchestrator::reread(const jobs::Context& context) {
  {
    std::lock_guard one(rebuilding_);
    left_out_.clear();
  }
  try {
    auto done = rebuild(context);
    auto failures = failures_in(done);
    return {std::move(done), std::move(failures)};
  } catch (const std::exception&) {
    // At the start the server still answers, with what the registry says, and says in its health report why there is
    // no more.
    if (generations_.peek() == nullptr) publish();
    throw;
  }
}

std::vector<Failure> Orchestrator::failures() const {
  std::lock_guard lock(publishing_);
  return failures_;
}

std::vector<extracts::ReadProblem> Orchestrator::problems() const {
  std::lock_guard lock(publishing_);
  auto out = catalogue_.problems;
  for (auto& problem : extensions_.problems(catalogue_.remote_attaches)) out.push_back(std::move(problem));
  return out;
}

void Orchestrator::redefined(const catalog::Registration& row) {
  memory_.forget(row.name);
}

void Orchestrator::drop_unregistered(const std::vector<catalog::Registration>& before,
                                     const std::vector<SyncedTable>& brought, const jobs::Context& context) {
  const auto now_registered = store_.read([](state::Tx& tx) { return catalog::all(tx); });
  const auto is_now = by_name(now_registered, [](const catalog::Registration& row) { return row.name; });
  const auto was = by_name(before, [](const catalog::Registration& row) { return row.name; });
  for (const auto& table : brought) {
    const auto row = was.find(to_lower(table.name));
    if (row == was.end() || is_now.contains(to_lower(table.name))) continue;
    for (const auto& connector : connectors_)
      if (connector->source_type() == row->second->source_type) connector->remove(table.name, context);
  }
}

Orchestrator::Extracted Orchestrator::extract(const jobs::Context& context,
                                              const std::optional<std::vector<std::string>>& names) {
  const Timestamp started = now();
  const auto registered = store_.read([](state::Tx& tx) { return catalog::all(tx); });
  Extracted out;
  std::vector<SyncedTable> tables;
  for (const auto& connector : connectors_) {
    try {
      auto found = connector->extract(registered, names, context);
      std::move(found.begin(), found.end(), std::back_inserter(tables));
    } catch (const std::exception& error) {
      log::warn("nothing was brought from the source {}: {}", connector->source_type(), error.what());
      if (!out.failure) out.failure = std::current_exception();
    }
  }
  const auto row_of = by_name(registered, [](const catalog::Registration& row) { return row.name; });
  memory_.keep([&](const std::string& name) { return row_of.contains(name); });
  std::vector<catalog::Registration> fresh;
  std::vector<Failure> failures;
  std::vector<std::string> good;
  for (const auto& table : tables) {
    if (table.failed) {
      log::warn("sync of {} failed: {}", table.name, table.error);
      failures.push_back({table.name, table.error, table.duration_ms});
    } else {
      good.push_back(table.name);
    }
    if (!table.fresh || table.failed || row_of.contains(to_lower(table.name))) continue;
    catalog::Registration row;
    row.id = catalog::id_for(table.name);
    row.name = table.name;
    row.source_type = connectors_.front()->source_type();
    row.description = table.description;
    row.registered_by = "sync";
    row.registered_at = now();
    fresh.push_back(std::move(row));
  }
  store_.write([&](state::Tx& tx) {
    record_failures(tx, failures);
    clear_failures(tx, good);
    if (fresh.empty()) return;
    catalog::insert_all(tx, fresh);
    boost::json::array ids;
    for (const auto& row : fresh) ids.emplace_back(row.id);
    state::record(tx, {}, "register_tables", "", {{"found_by", "sync"}, {"tables", ids}});
  });
  std::vector<std::string> failed;
  for (const auto& failure : failures) failed.push_back(failure.table);
  memory_.note(good, failed, started);
  drop_unregistered(registered, tables, context);
  for (const auto& table : tables) out.told.insert(to_lower(table.name));
  std::lock_guard lock(publishing_);
  // What was not tried this time stays as it was.
  const bool tried_all = !names && !out.failure;
  const bool tried_new =
      !out.failure && (!names || std::find(names->begin(), names->end(), kNewTables) != names->end());
  std::erase_if(failures_, [&](const Failure& old) {
    const auto key = to_lower(old.table);
    return tried_all || out.told.contains(key) || (tried_new && !row_of.contains(key));
  });
  failures_.insert(failures_.end(), failures.begin(), failures.end());
  return out;
}

extracts::Catalogue Orchestrator::run_reader(const extracts::ReadOptions& options,
                                             const jobs::Context& context, std::chrono::seconds limit) {
  workers::Confinement confinement;
  confinement.writable = {places_.extracts(), places_.analytics().parent_path()};
  confinement.memory_bytes = kReaderMemory;
  const auto ends = std::chrono::steady_clock::now() + limit;
  const workers::TaskContext relay{[&](const value& said) { context.progress(said); },
                                   context.stop().until(ends)};
  try {
    return json::from_json<extracts::Catalogue>(
        workers::run_task("extracts.read", confinement, json::to_json(options), relay));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timeout || context.cancelled()) throw;
    throw Error(
        ErrorKind::timeout,
        fmt::format("reading it takes longer than {} s (extract.read_timeout_seconds)", limit.count()));
  }
}

extracts::Catalogue Orchestrator::read(extracts::ReadOptions& options, const jobs::Context& context) {
  std::erase_if(left_out_, [&](const auto& entry) {
    return entry.second.stamp !=
           extracts::stamp_of(places_.extracts() / entry.first / extracts::kExtractFile);
  });
  for (const auto& [name, why] : left_out_) options.skip.emplace(name, why.reason);
  try {
    return run_reader(options, context, read_limit_);
  } catch (const Error& error) {
    if (!is_fault_of_extract(error) || context.cancelled()) throw;
    log::warn("reading the extracts failed ({}); looking for the one that is to blame", error.what());
  }
  find_to_blame(options, context);
  // What each may take alone, all may take together.
  const auto sources = std::distance(fs::directory_iterator(places_.extracts()), {});
  return run_reader(options, context, read_limit_ * (sources + 1));
}

// One extract that breaks its reader, or keeps it for ever, must not take the others down: each is tried
// alone. Those that fail are remembered when others do not: what fails with all of them is the machine's
// state.
void Orchestrator::find_to_blame(extracts::ReadOptions& options, const jobs::Context& context) {
  std::map<std::string, LeftOut> blamed;
  bool any_good = false;
  for (const auto& entry : fs::directory_iterator(places_.extracts())) {
    const std::string name = entry.path().filename();
    if (name.starts_with('.') || !entry.is_directory() || options.skip.contains(name)) continue;
    const auto stamp = extracts::stamp_of(entry.path() / extracts::kExtractFile);
    try {
      extracts::ReadOptions alone;
      alone.extracts_dir = options.extracts_dir;
      alone.cache_file = options.cache_file;  // as quick as in the run that failed
      alone.only = {name};
      run_reader(alone, context, read_limit_);
      any_good = true;
    } catch (const Error& error) {
      if (!is_fault_of_extract(error) || context.cancelled()) throw;
      log::error("the extract {} is left out: {}", name, error.what());
      const std::string reason =
          error.kind() == ErrorKind::timeout ? error.what() : "reading it ended the process that did";
      blamed[name] = {stamp, reason + "; make it anew, or start the job rebuild to have it tried again"};
      options.skip[name] = blamed[name].reason;
    }
  }
  if (any_good) left_out_.merge(blamed);
}

boost::json::object Orchestrator::rebuild(const jobs::Context& context) {
  std::lock_guard one(rebuilding_);
  extracts::ReadOptions options;
  options.extracts_dir = places_.extracts();
  options.cache_file = places_.extracts() / kCacheFile;
  options.pin_folder = places_.extracts() / kPinFolder;
  options.keep_pins = pins_in_use();
  options.analytics_file = places_.analytics();
  options.remote = remote_;
  store_.read([&](state::Tx& tx) {
    for (const auto& owner : tx.rows<ViewOwner>("SELECT * FROM view_ownership"))
      options.owners.emplace(owner.view_name, owner.source_name);
    for (const auto& row : catalog::all(tx))
      if (catalog::is_materialized(row))
        options.materialized.push_back(row.source_type.value_or("") + "/" + row.name);
  });
  auto catalogue = read(options, context);
  for (const auto& problem : catalogue.problems)
    log::warn("extract {}{}{}: {}", problem.source, problem.table.empty() ? "" : ", table ", problem.table,
              problem.message);
  record(catalogue);
  boost::json::object done{{"tables", catalogue.tables.size()},
                           {"problems", json::to_json(catalogue.problems)}};
  extensions_.install(catalogue.remote_attaches);
  {
    std::lock_guard lock(publishing_);
    catalogue_ = std::move(catalogue);
  }
  publish();
  return done;
}

void Orchestrator::record(const extracts::Catalogue& catalogue) {
  const auto states = store_.read([](state::Tx& tx) { return all_states(tx); });
  const auto known = by_name(states, [](const SyncState& state) { return state.table_id; });
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
    const auto found = known.find(to_lower(table.name));
    const bool same = found != known.end() && found->second->hash == state.hash &&
                      found->second->rows == state.rows &&
                      found->second->file_size_bytes == state.file_size_bytes && found->second->last_sync;
    if (!same) changed.push_back(std::move(state));
  }
  const auto owners =
      store_.read([](state::Tx& tx) { return tx.rows<ViewOwner>("SELECT * FROM view_ownership"); });
  const auto owner_of = by_name(owners, [](const ViewOwner& owner) { return owner.view_name; });
  std::vector<ViewOwner> other_owners;
  for (const auto& [view, source] : catalogue.owners) {
    const auto found = owner_of.find(to_lower(view));
    if (found == owner_of.end() || found->second->source_name != source)
      other_owners.push_back({source, view, now()});
  }
  std::unordered_set<std::string> taken;
  for (const auto& [view, source] : catalogue.owners) taken.insert(to_lower(view));
  std::vector<std::string> free_names;
  for (const auto& owner : owners)
    if (!taken.contains(to_lower(owner.view_name))) free_names.push_back(owner.view_name);
  if (changed.empty() && other_owners.empty() && free_names.empty()) return;
  store_.write([&](state::Tx& tx) {
    record_syncs(tx, changed);
    tx.execute_for("DELETE FROM view_ownership WHERE view_name IN", free_names);
    tx.insert("view_ownership", other_owners,
              "ON CONFLICT (view_name) DO UPDATE SET source_name = excluded.source_name");
  });
}

void Orchestrator::refresh() {
  {
    // Before the first generation there is nothing to renew: it will see the registry as it is then. With the
    // lock, since one that is being published has read the registry already.
    const std::lock_guard lock(publishing_);
    if (generations_.peek() == nullptr) return;
  }
  publish();
}

void Orchestrator::publish() {
  std::lock_guard lock(publishing_);
  const auto [registered, states] =
      store_.read([](state::Tx& tx) { return std::pair(catalog::all(tx), all_states(tx)); });
  std::erase_if(published_, [](const auto& old) { return old.expired(); });
  published_.push_back(generations_.publish(next_tables(catalogue_, registered, states)));
}

std::vector<std::string> Orchestrator::pins_in_use() {
  std::lock_guard lock(publishing_);
  std::vector<std::string> out;
  for (const auto& weak : published_)
    if (const auto generation = weak.lock())
      for (const auto& table : generation->tables())
        for (const auto& file : table.files) out.push_back(fs::path(file).filename());
  return out;
}

void Orchestrator::removed(const catalog::Registration& row) {
  {
    std::lock_guard lock(publishing_);
    std::erase_if(failures_, [&](const Failure& failure) { return iequals(failure.table, row.name); });
  }
  redefined(row);
  jobs_.enqueue_typed(kRemoveTableJob, RemoveTable{row.name, row.source_type.value_or(""), row.query_mode});
}

void Orchestrator::remove(const jobs::Context& context, const RemoveTable& input) {
  const auto registered = store_.read([](state::Tx& tx) { return catalog::all(tx); });
  // It may have been registered again since, and brought: the run may be an attempt after a restart.
  for (const auto& row : registered)
    if (row.name == input.table && row.source_type == input.source_type && !catalog::is_remote(row)) return;
  for (const auto& connector : connectors_)
    if (connector->source_type() == input.source_type) connector->remove(input.table, context);
  remove_materialized(places_, input);
  rebuild(context);
}

}  // namespace agnes::sync
