#include "server/check.h"

#include <iostream>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include "core/catalog/registry.h"
#include "core/extracts/extract_reader.h"
#include "core/state/file.h"
#include "core/state/schema.h"
#include "core/sync/extensions.h"
#include "core/sync/sync_state.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/workers/task.h"
#include "server/backup.h"

namespace agnes::server {

namespace {

constexpr std::uint64_t kReaderMemory = 2ull << 30;
constexpr std::chrono::minutes kReadLimit{10};  // of one source

// What the state database says of tables, for the look at the files.
struct Known {
  bool readable = false;
  std::vector<catalog::Registration> registry;
  std::map<std::string, sync::SyncState> states;  // by lower-cased name
  std::map<std::string, std::string> owners;      // lower-cased view -> source
};

class Check {
 public:
  explicit Check(const config::Places& places) : places_(places) {}

  std::vector<Finding> run() {
    if (!fs::is_directory(places_.data)) {
      error("files", "", places_.data.string() + " is not a folder: name the data directory with --data-dir");
      return std::move(findings_);
    }
    backup();
    configuration();
    secrets();
    private_folders();
    state();
    extracts();
    analytics();
    registry();
    leftovers();
    return std::move(findings_);
  }

 private:
  void add(const char* level, const char* part, const std::string& about, const std::string& message) {
    findings_.push_back({level, part, escape_control(about), escape_control(message)});
  }
  void error(const char* part, const std::string& about, const std::string& message) {
    add("error", part, about, message);
  }
  void warn(const char* part, const std::string& about, const std::string& message) {
    add("warning", part, about, message);
  }
  void note(const char* part, const std::string& about, const std::string& message) {
    add("note", part, about, message);
  }

  void backup();
  void configuration();
  void secrets();
  void private_folders();
  void state();
  void state_content(state::Tx& tx);
  void extracts();
  void source(const std::string& name);
  void table(const extracts::CatalogueTable& table);
  void claim_owned(const std::string& source);
  void settle_names();
  void unused(const fs::path& folder);
  void analytics();
  void registry();
  void leftovers();

  const config::Places& places_;
  std::vector<Finding> findings_;
  Known known_;
  extracts::RemoteRules remote_ = sync::remote_rules(nullptr);  // as set, where the settings can be read
  bool server_runs_ = false;
  std::set<std::string> served_;  // tables with data, lower-cased
  std::set<std::string> used_;    // data files
  std::set<std::string> broken_;  // sources of which not everything can be read
  std::vector<extracts::CatalogueTable> tables_;
  std::map<std::string, std::set<std::string>> claims_;  // lower-cased name -> sources that want it
};

void Check::backup() {
  const auto text = read_file(places_.data / kBackupNote);
  if (places_.data.extension() == ".partial")
    error("backup", "", "this is a backup that was not finished: take another one");
  if (!text) return;
  BackupNote listed;
  try {
    listed = json::from_json<BackupNote>(json::parse(*text));
  } catch (const std::exception& failure) {
    return error("backup", "", fmt::format("{} cannot be read: {}", kBackupNote, failure.what()));
  }
  for (const auto& file : listed.files) {
    const fs::path path = places_.data / file.name;
    std::error_code gone;
    const auto size = fs::file_size(path, gone);
    if (gone)
      error("backup", file.name, "is missing from the backup");
    else if (size != file.size || md5_file(path) != file.md5)
      error("backup", file.name, "has changed since the backup was made");
  }
}

void Check::configuration() {
  try {
    const auto config = config::Config::read(places_);
    remote_ = sync::remote_rules(&config);
    for (const auto& warning : config.warnings()) note("configuration", "", warning);
  } catch (const Error& failure) {
    error("configuration", "", failure.what());
  }
}

void Check::secrets() {
  for (const char* name : {".jwt_secret", ".env_overlay", kStateFile, "system.duckdb.wal"}) {
    struct stat seen {};
    const fs::path file = places_.state / name;
    if (::stat(file.c_str(), &seen) != 0) continue;
    const bool is_secret = name[0] == '.';
    if ((seen.st_mode & (is_secret ? 077 : 022)) != 0)
      warn("secrets", name,
           fmt::format("others on this machine may {} it (mode {:o}): chmod {} {}",
                       is_secret ? "read" : "change", seen.st_mode & 07777, is_secret ? "600" : "go-w",
                       file.string()));
  }
}

void Check::private_folders() {
  for (const auto& [part, folder] : places_.private_folders()) {
    struct stat seen {};
    if (::stat(folder.c_str(), &seen) != 0 || (seen.st_mode & 077) == 0) continue;
    const auto open = fmt::format("other accounts of this machine may read {} (mode {:o})", folder.string(),
                                  seen.st_mode & 07777);
    if (seen.st_uid == ::geteuid())
      note("secrets", part, open + ": the next start of the server makes it private");
    else
      warn("secrets", part, fmt::format("{}: chmod go= {}", open, folder.string()));
  }
}

void Check::state() {
  const fs::path file = places_.state / kStateFile;
  if (!fs::exists(file)) {
    if (fs::exists(file.string() + ".wal"))
      error("state", "",
            "system.duckdb is missing and its log system.duckdb.wal is there: bring the file back");
    else
      error("state", "", fmt::format("there is no {} in {}", kStateFile, places_.state.string()));
    return;
  }
  try {
    const auto lock = lock_state(places_);
    server_runs_ = lock.server_runs;
    if (server_runs_) {
      const TemporaryFolder copy(fs::temp_directory_path());
      { const Snapshot snapshot(places_, copy.path()); }
      state::look_into(copy.path() / "state" / kStateFile, [&](state::Tx& tx) { state_content(tx); });
    } else {
      refuse_open_elsewhere(file);
      state::look_into(file, [&](state::Tx& tx) { state_content(tx); });
    }
  } catch (const Error& failure) {
    error("state", "", std::string(failure.what()).substr(0, std::string_view(failure.what()).find('\n')));
  }
}

void Check::state_content(state::Tx& tx) {
  const auto version = state::version_of(tx);
  if (!version) return error("state", "", "system.duckdb has no schema_version: it is not a state database");
  if (*version > state::kSchemaVersion)
    return error(
        "state", "",
        fmt::format("schema version {} is newer than this program's {}: use the version that wrote it",
                    *version, state::kSchemaVersion));
  if (*version < state::kSchemaVersion)
    return note(
        "state", "",
        fmt::format("schema version {}: the next start brings it to {} and keeps a copy; its rows were "
                    "not looked at",
                    *version, state::kSchemaVersion));
  if (!state::is_complete(tx))
    return warn("state", "", "tables or columns are missing: the next start adds them and keeps a copy");
  // Every block is read, each against its checksum.
  for (const auto& table : state::schema()) {
    try {
      state::read_through(tx, table.name);
    } catch (const Error& failure) {
      error("state", std::string(table.name),
            fmt::format("cannot be read: {}", extracts::short_message(failure.what())));
      return;
    }
  }
  if (tx.scalar<std::int64_t>(
            "SELECT count(*) FROM users u JOIN user_group_members m ON m.user_id = u.id JOIN "
            "user_groups g ON g.id = m.group_id WHERE g.name = 'Admin' AND u.active")
          .value_or(0) == 0)
    warn("state", "", "nobody is an administrator: agnes-server --grant-admin EMAIL, with the server down");
  known_.registry = catalog::all(tx);
  for (auto& state : sync::all_states(tx)) known_.states.emplace(to_lower(state.table_id), state);
  for (const auto& row : tx.run("SELECT view_name, source_name FROM view_ownership", {}).rows)
    known_.owners.emplace(to_lower(std::get<std::string>(row.at(0))), std::get<std::string>(row.at(1)));
  known_.readable = true;
}

void Check::extracts() {
  std::error_code failure;
  fs::directory_iterator entries(places_.extracts(), failure);
  if (failure == std::errc::no_such_file_or_directory) return;
  if (failure) return error("extracts", "", "cannot be listed: " + failure.message());
  std::set<std::string> sources;
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename();
    if (name.starts_with('.')) continue;
    if (!entry.is_directory())
      note("extracts", name, "is not a folder of a source: not used");
    else if (!fs::exists(entry.path() / extracts::kExtractFile))
      warn("extracts", name, "has no extract.duckdb: sync this source, or remove the folder");
    else
      sources.insert(name);
  }
  for (const auto& name : sources) source(name);
  settle_names();
}

// As a rebuild does: who had a name keeps it, also while it cannot be read; else the first source has it.
void Check::settle_names() {
  std::map<std::string, std::string> owners;
  for (const auto& [name, sources] : claims_) {
    const auto noted = known_.owners.find(name);
    const bool keeps = noted != known_.owners.end() && sources.contains(noted->second);
    owners[name] = keeps ? noted->second : *sources.begin();
    for (const auto& source : sources)
      if (source != owners[name])
        warn("extracts", source + "/" + name,
             fmt::format("is not served: '{}' and '{}' both have a table of that name, and it is '{}' that "
                         "{}; rename or remove one of them",
                         owners[name], source, owners[name],
                         keeps ? "owns it (view_ownership)" : "comes first by name"));
  }
  for (const auto& row : tables_)
    if (owners[to_lower(row.name)] == row.source) table(row);
}

void Check::source(const std::string& name) {
  extracts::ReadOptions options;
  options.extracts_dir = places_.extracts();
  options.only = {name};
  options.owners = known_.owners;
  options.trust_notes = false;
  options.remote = remote_;
  for (const auto& row : known_.registry)
    if (catalog::is_materialized(row))
      options.materialized.push_back(row.source_type.value_or("") + "/" + row.name);
  workers::Confinement confinement;
  confinement.readable = {places_.extracts()};
  confinement.memory_bytes = kReaderMemory;
  const auto ends = std::chrono::steady_clock::now() + kReadLimit;
  const workers::TaskContext limit{.progress = nullptr, .stop = StopToken().until(ends)};
  try {
    const auto found = json::from_json<extracts::Catalogue>(
        workers::run_task("extracts.read", confinement, json::to_json(options), limit));
    for (const auto& problem : found.problems) {
      error("extracts", problem.table.empty() ? name : name + "/" + problem.table, problem.message);
      broken_.insert(name);
      if (!problem.table.empty()) claims_[to_lower(problem.table)].insert(name);
    }
    if (!found.complete) claim_owned(name);
    for (const auto& row : found.tables) {
      claims_[to_lower(row.name)].insert(name);
      for (const auto& file : row.files) used_.insert(file.origin);
      tables_.push_back(row);
    }
  } catch (const Error& failure) {
    error("extracts", name,
          failure.kind() == ErrorKind::timeout
              ? fmt::format("reading it takes longer than {} minutes; make it anew", kReadLimit.count())
              : fmt::format("reading it ended the process that did: {}; make it anew", failure.what()));
    broken_.insert(name);
    claim_owned(name);
  }
  if (!broken_.contains(name)) unused(places_.extracts() / name);
}

// A source that cannot be read keeps the names that it had.
void Check::claim_owned(const std::string& name) {
  for (const auto& [view, owner] : known_.owners)
    if (owner == name) claims_[view].insert(name);
}

void Check::table(const extracts::CatalogueTable& table) {
  const std::string about = table.source + "/" + table.name;
  served_.insert(to_lower(table.name));
  if (table.kind == "remote") return;
  if (!table.files.empty() && table.noted_rows != table.rows)
    warn("extracts", about,
         fmt::format("_meta says {} rows, its files have {}: sync it again", table.noted_rows, table.rows));
  if (!known_.readable || table.files.empty()) return;
  const auto state = known_.states.find(to_lower(table.name));
  if (state == known_.states.end())
    note("extracts", about, "is not in sync_state: the next start or sync adds it");
  else if (state->second.hash && !state->second.hash->empty() && *state->second.hash != table.hash)
    warn("extracts", about,
         fmt::format("its files are not those of the last sync (MD5 {}, not {}): sync it again, unless "
                     "another program "
                     "wrote them",
                     table.hash, *state->second.hash));
}

// Data files that no table has.
void Check::unused(const fs::path& folder) {
  std::error_code ignored;
  const fs::path real = fs::canonical(folder, ignored);
  for (auto at = fs::recursive_directory_iterator(real, ignored); at != fs::recursive_directory_iterator();
       ++at) {
    if (at->path().filename().string().starts_with('.')) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(ignored) && !used_.contains(at->path())) {
      const std::string name = at->path().filename();
      if (name.starts_with(extracts::kExtractFile) && at->path().parent_path() == real) continue;
      note("files", folder.filename().string() + "/" + at->path().lexically_relative(real).string(),
           fmt::format("no table uses it ({})", human_bytes(at->file_size(ignored))));
    }
  }
}

void Check::analytics() {
  const fs::path file = places_.analytics();
  if (!fs::exists(file))
    return note("analytics", "", "there is no server.duckdb yet: the next start makes it");
  workers::Confinement confinement;
  confinement.readable = {file, places_.extracts()};
  confinement.memory_bytes = kReaderMemory;
  try {
    const auto problems = json::from_json<std::vector<extracts::Problem>>(
        workers::run_task("analytics.check", confinement, boost::json::value(file.string())));
    if (!problems.empty())
      note("analytics", "",
           fmt::format("{} of the views in server.duckdb cannot be read where it lies now ({}: {}); the next "
                       "start makes it "
                       "anew",
                       problems.size(), problems.front().table, problems.front().message));
  } catch (const Error& failure) {
    warn("analytics", "",
         fmt::format("server.duckdb cannot be read: {}; the next start or sync makes it anew",
                     failure.what()));
  }
}

void Check::registry() {
  for (const auto& row : known_.registry) {
    if (catalog::is_remote(row) || served_.contains(to_lower(row.name))) continue;
    const auto state = known_.states.find(to_lower(row.name));
    const bool was_there = state != known_.states.end() && state->second.last_sync;
    if (state != known_.states.end() && state->second.error)
      warn("registry", row.name, fmt::format("has no data; its last sync failed: {}", *state->second.error));
    else if (was_there)
      error("registry", row.name,
            "is registered and its data is gone: sync it, or take it out of the registry");
    else
      note("registry", row.name, "is registered and was never synced");
  }
  std::set<std::string> registered;
  for (const auto& row : known_.registry) registered.insert(to_lower(row.name));
  for (const auto& [name, state] : known_.states)
    if (!served_.contains(name) && !registered.contains(name))
      note("state", state.table_id, "is in sync_state, but neither registered nor in an extract");
}

void Check::leftovers() {
  if (server_runs_) return;  // they may be its work
  std::error_code ignored;
  for (const auto& folder : extracts::work_folders(places_))
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (is_temporary(entry.path()))
        note("files", entry.path().lexically_relative(places_.data).string(),
             "was left by a killed process: the next start removes it");
}

}  // namespace

std::vector<Finding> check(const config::Places& places) {
  return Check(places).run();
}

int check_data(const config::Places& places, bool as_json) {
  const auto findings = check(places);
  const auto problems =
      std::count_if(findings.begin(), findings.end(), [](const Finding& f) { return f.level != "note"; });
  if (as_json) {
    const boost::json::value answer{
        {"ok", problems == 0}, {"data_dir", places.data.string()}, {"findings", json::to_json(findings)}};
    std::cout << boost::json::serialize(answer) << '\n';
  } else {
    for (const auto& f : findings)
      std::cout << fmt::format("{}: {}{}{}: {}\n", f.level, f.part, f.about.empty() ? "" : " ", f.about,
                               f.message);
    std::cout << (problems == 0 ? fmt::format("{} is in order\n", places.data.string())
                                : fmt::format("{} of {} findings need work\n", problems, findings.size()));
  }
  return problems == 0 ? 0 : 1;
}

}  // namespace agnes::server
