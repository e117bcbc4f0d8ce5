#include "core/sync/orchestrator.h"

#include "core/sync/publication.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/shorten.h"
#include "lib/base/text.h"
#include "lib/jobs/schedule.h"

namespace agnes::sync {

namespace {

using boost::json::value;

constexpr const char* kLedgerFile = "synced.json";  // in the state folder

// The result of a materialized table's query is a file that no list of an extract names.
void remove_materialized(const config::Places& places, const RemoveTable& gone) {
  if (gone.query_mode != "materialized" || !is_identifier(gone.source_type) || !is_table_id(gone.table))
    return;
  std::error_code error;
  fs::remove(places.extracts() / gone.source_type / extracts::kDataFolder / (gone.table + ".parquet"), error);
  if (error)
    throw Error(ErrorKind::internal,
                fmt::format("the file of the unregistered table {} could not be removed: {}", gone.table,
                            error.message()));
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

std::vector<catalog::Registration> registrations(state::Store& store) {
  return store.read([](state::Tx& tx) { return catalog::all(tx); });
}

}  // namespace

Orchestrator::Orchestrator(const config::Places& places, state::Store& store,
                           catalog::Generations& generations, jobs::Service& jobs, Connectors connectors,
                           std::chrono::seconds read_limit, std::function<extracts::RemoteRules()> remote,
                           Extensions& extensions)
    : places_(places),
      store_(store),
      generations_(generations),
      jobs_(jobs),
      connectors_(std::move(connectors)),
      extensions_(extensions),
      ledger_(places.state / kLedgerFile),
      publisher_(store, generations),
      reader_(places, read_limit, std::move(remote)) {}

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
  if (auto kept = reader_.kept()) publisher_.publish(std::move(*kept));
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
  std::unique_lock writing(writing_);
  const auto registry = store_.read([](state::Tx& tx) { return RegistrySnapshot::read(tx); });
  const auto plan = this->plan(input, registry);
  auto run = ingest(connectors_, registry, plan.selection(), context);

  std::unique_lock one(rebuilding_, std::defer_lock);
  std::optional<extracts::Catalogue> catalogue;
  std::vector<std::string> found_names;
  try {
    // At once: a query that was paid for must not run again because the server was killed now.
    ledger_.record_attempts(run, registry);
    const auto found = new_registrations(run, now());
    for (const auto& row : found) found_names.push_back(row.name);
    const auto registered = found.empty()
                                ? registrations(store_)
                                : store_.write([&](state::Tx& tx) { return register_new(tx, found); });
    drop_unregistered(run, registry, registered, context);
    writing.unlock();
    context.throw_if_cancelled("the sync was cancelled; what was finished is kept");
    one.lock();
    catalogue = read(registered, context);
    if (!run.failure)
      run.missing = missing_tables(registry, run, *catalogue,
                                   connectors_.empty() ? std::string() : connectors_.front()->source_type());
  } catch (const std::exception&) {
    run.failure = std::current_exception();
  }
  store_.write([&](state::Tx& tx) { record(tx, run, catalogue ? &*catalogue : nullptr); });
  ledger_.record_failures(run, registry);
  boost::json::object done;
  if (catalogue) done = publish(std::move(*catalogue));
  if (run.failure) std::rethrow_exception(run.failure);

  done["failed"] = json::to_json(failures());
  boost::json::array notes;
  for (const auto& problem : source_problems()) done["problems"].as_array().push_back(json::to_json(problem));
  for (const auto& [source, found] : run.problems)
    for (const auto& problem : found)
      if (problem.is_note()) notes.push_back(json::to_json(problem));
  done["notes"] = std::move(notes);
  if (!input.tables && !input.all) {
    done["due"] = plan.due();
    done["not_due"] = plan.not_due();
  }
  auto failures = failures_in(done);
  log::info("sync: {} tables, {} read, {} new{}, {} failed, {} other problems",
            done["tables"].to_number<std::size_t>(), run.succeeded().size(), found_names.size(),
            found_names.empty() ? "" : fmt::format(" ({})", shortened(join(found_names, ", "), 200)),
            done["failed"].as_array().size(), done["problems"].as_array().size());
  return {std::move(done), std::move(failures)};
}

SyncPlan Orchestrator::plan(const SyncInput& input, const RegistrySnapshot& registry) const {
  if (input.tables) return plan_of(*input.tables, *generations_.current());
  auto out = make_plan(registry, ledger_.entries(), generations_.peek().get(), now(),
                       input.all ? SyncScope::all : SyncScope::due);
  for (const auto& warning : out.warnings) log::warn("{}", warning);
  for (const auto& table : out.tables)
    log::debug("table {} is {}: {}", table.name, table.due ? "due" : "not due", describe(table.reason));
  return out;
}

void Orchestrator::drop_unregistered(RunLedger& run, const RegistrySnapshot& before,
                                     const std::vector<catalog::Registration>& registered,
                                     const jobs::Context& context) {
  const auto still = by_name(registered, [](const catalog::Registration& row) { return row.name; });
  for (const auto& row : before.tables())
    if (!still.contains(to_lower(row.name))) run.unregistered.insert(to_lower(row.name));
  for (const auto& table : run.outcomes)
    if (run.is_unregistered(table.name)) take_out(connectors_, table.source_type, table.name, context);
}

extracts::Catalogue Orchestrator::read(const std::vector<catalog::Registration>& registered,
                                       const jobs::Context& context) {
  CatalogueReader::Known known;
  for (const auto& owner : store_.read([](state::Tx& tx) { return view_owners(tx); }))
    known.owners.emplace(owner.view_name, owner.source_name);
  for (const auto& row : registered) {
    known.registered.emplace(to_lower(row.name), home_of(row));
    if (catalog::is_materialized(row))
      known.materialized.push_back(row.source_type.value_or("") + "/" + row.name);
  }
  known.keep_pins = publisher_.pins_in_use();
  auto catalogue = reader_.read(std::move(known), context);
  for (const auto& problem : catalogue.problems)
    log::warn("extract {}{}{}: {}", problem.source, problem.table.empty() ? "" : ", table ", problem.table,
              problem.message);
  return catalogue;
}

boost::json::object Orchestrator::publish(extracts::Catalogue catalogue) {
  boost::json::object done{{"tables", catalogue.tables.size()},
                           {"problems", json::to_json(catalogue.problems)}};
  extensions_.install(catalogue.remote_attaches);
  reader_.keep(catalogue);
  publisher_.publish(std::move(catalogue));
  return done;
}

boost::json::object Orchestrator::rebuild(const jobs::Context& context) {
  const std::lock_guard one(rebuilding_);
  auto catalogue = read(registrations(store_), context);
  store_.write([&](state::Tx& tx) { record(tx, {}, &catalogue); });
  return publish(std::move(catalogue));
}

jobs::Done Orchestrator::reread(const jobs::Context& context) {
  {
    const std::lock_guard one(rebuilding_);
    reader_.include_all();
  }
  try {
    auto done = rebuild(context);
    auto failures = failures_in(done);
    return {std::move(done), std::move(failures)};
  } catch (const std::exception&) {
    // At the start the server still answers, with what the registry says, and says in its health report why there is
    // no more.
    if (generations_.peek() == nullptr) publisher_.publish();
    throw;
  }
}

std::vector<extracts::Problem> Orchestrator::source_problems() const {
  auto out = standing_;
  for (auto& problem : ledger_.problems()) out.push_back(std::move(problem));
  return out;
}

std::vector<extracts::Problem> Orchestrator::problems() const {
  auto out = publisher_.problems();
  for (auto& problem : extensions_.problems(publisher_.remote_attaches())) out.push_back(std::move(problem));
  for (auto& problem : source_problems()) out.push_back(std::move(problem));
  return out;
}

void Orchestrator::removed(const catalog::Registration& row) {
  ledger_.unregistered(row.name);
  jobs_.enqueue_typed(kRemoveTableJob, RemoveTable{row.name, row.source_type.value_or(""), row.query_mode});
}

void Orchestrator::remove(const jobs::Context& context, const RemoveTable& input) {
  std::unique_lock writing(writing_);
  // It may have been registered again since, and brought: the run may be an attempt after a restart.
  for (const auto& row : registrations(store_))
    if (row.name == input.table && row.source_type == input.source_type && row.query_mode != "remote") return;
  take_out(connectors_, input.source_type, input.table, context);
  remove_materialized(places_, input);
  writing.unlock();
  rebuild(context);
}

}  // namespace agnes::sync
