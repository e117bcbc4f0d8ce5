#include "core/extracts/extract_reader.h"

#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/extracts/analytics.h"
#include "core/extracts/database_read.h"
#include "core/extracts/file_facts.h"
#include "core/extracts/pins.h"
#include "core/extracts/view_sql.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/shorten.h"
#include "lib/base/text.h"

namespace agnes::extracts {

namespace {

// Runs `work(index, engine)` for 0..count-1 on a few threads, each with an engine of its own.
void in_parallel(std::size_t count, int threads,
                 const std::function<void(std::size_t, duck::Connection&)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      auto engine = open_engine({"", 0, 1});
      auto connection = engine.connect();
      for (std::size_t i = next++; i < count; i = next++) work(i, connection);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      failure = std::current_exception();
      next = count;
    }
  };
  std::vector<std::jthread> pool;
  const auto wanted = std::min<std::size_t>(count, static_cast<std::size_t>(std::max(1, threads)));
  for (std::size_t i = 1; i < wanted; ++i) pool.emplace_back(run);
  if (count > 0) run();
  pool.clear();
  if (failure) std::rethrow_exception(failure);
}

// What all extracts together may say of their tables: what a worker's answer holds, with room for the rest.
constexpr std::size_t kLargestCatalogue = 48u << 20;
constexpr std::size_t kMostProblems = 100;  // of one source

constexpr std::size_t kLongestName = 200;  // of somebody else, in a message

// DuckDB names files by their whole path, which is the server's affair.
std::string without_folder(std::string message, const fs::path& folder) {
  return folder.empty() ? message : replaced(std::move(message), folder.string() + "/", "");
}

class Reading {
 public:
  explicit Reading(const ReadOptions& options)
      : options_(options), cache_(options.cache_file), pins_(options.pin_folder) {}
  Catalogue run();

 private:
  struct Source {
    std::string name;
    fs::path folder;
    std::string database;  // the pin of its extract.duckdb
    ExtractFacts facts;
    std::string failure;
    std::string note;
    std::map<std::string, FileFacts> noted;
    // By lower-cased name, since to DuckDB a name in another case is the same one.
    std::unordered_map<std::string, const std::string*> views;
    std::unordered_set<std::string> held;      // tables of the database itself
    std::unordered_set<std::string> computed;  // those that are not read
  };
  struct Wanted {  // a table and the files that it needs read
    CatalogueTable table;
    const Source* source;
    std::vector<FileFacts> facts;
    std::string failure;
    bool refused = false;
  };

  void find_sources();
  void read_source(Source& source, duck::Connection& connection);
  void note_facts(Source& source);
  void plan(Source& source);
  void plan_table(const Source& source, const MetaRow& row);
  bool find_files(const Source& source, Wanted& wanted, const ViewFiles& view);
  void read_files(Wanted& wanted, duck::Connection& connection);
  void settle_attachments();
  void settle_view(Wanted& wanted);
  void settle_names();
  void problem(const std::string& source, const std::string& table, std::string message);
  void fit();

  const ReadOptions& options_;
  FactsCache cache_;
  Pins pins_;
  std::vector<Source> sources_;
  std::vector<Wanted> wanted_;
  std::vector<RemoteAttach> refused_;
  std::map<std::string, std::size_t> problems_of_;
  Catalogue out_;
};

void Reading::problem(const std::string& source, const std::string& table, std::string message) {
  const auto said = ++problems_of_[source];
  if (said < kMostProblems)
    out_.problems.push_back({"extract", source, table, {}, {}, shortened(std::move(message))});
  if (said == kMostProblems)
    out_.problems.push_back(
        {"extract", source, "", {}, {}, fmt::format("'{}' has more problems than these {}", source, said)});
}

void Reading::find_sources() {
  std::error_code error;
  fs::directory_iterator entries(options_.extracts_dir, error);
  if (error == std::errc::no_such_file_or_directory) return;
  if (error) throw system_error("cannot read " + options_.extracts_dir, error.value());
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename();
    if (name.starts_with('.') || !entry.is_directory(error) ||
        !fs::exists(entry.path() / kExtractFile, error))
      continue;
    if (!is_identifier(name)) {
      problem(
          escape_control(name), "",
          fmt::format(
              "the extract folder '{}' is not served: its name must be letters, digits and '_', 64 at most",
              escape_control(name)));
      continue;
    }
    const auto& only = options_.only;
    if (!only.empty() && std::find(only.begin(), only.end(), name) == only.end()) continue;
    auto& source = sources_.emplace_back();
    source.name = name;
    source.folder = fs::canonical(entry.path(), error);
    const fs::path database = source.folder / kExtractFile;
    if (error)
      source.failure = error.message();
    else if (!fs::is_regular_file(fs::symlink_status(database, error)))
      source.failure = "it is a link or no file at all";
    if (const auto skipped = options_.skip.find(name); skipped != options_.skip.end()) {
      source.failure = skipped->second;
      cache_.keep_below(source.folder);  // for the time when it is read again
    }
  }
  std::sort(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

void Reading::read_source(Source& source, duck::Connection& connection) {
  if (!source.failure.empty()) return;
  const fs::path file = source.folder / kExtractFile;
  FileStamp stamp;
  try {
    auto held = pins_.pin_database(source.folder, file);
    source.database = std::move(held.path);
    stamp = held.stamp;
  } catch (const Error& error) {
    source.failure = short_message(error.what());
    return;
  }
  // A log beside it belongs to it: its writer has not finished or was killed, and the stamp does not tell
  // all.
  const bool whole = !fs::exists(file.string() + ".wal");
  if (whole) {
    if (auto known = cache_.extract(file, stamp)) {
      source.facts = std::move(*known);
      note_facts(source);
      return;
    }
  }
  try {
    source.facts = read_database(connection, source.database, stamp);
    if (whole) cache_.keep(file, source.facts);
  } catch (const std::exception& error) {
    if (duck::is_newer_format(error)) {
      source.facts = facts_from_files(source.folder, stamp);
      source.note = fmt::format(
          "extract.duckdb of '{}' was written by DuckDB {}, which is later than the one here: "
          "its tables are taken from its Parquet files",
          source.name, duck::writer_of(source.database));
    }
    if (source.facts.meta.empty())
      source.failure =
          without_folder(replaced(short_message(error.what()), source.database, kExtractFile), source.folder);
  }
  note_facts(source);
}

void Reading::note_facts(Source& source) {
  if (options_.trust_notes) source.noted = read_facts(source.folder);
}

void Reading::plan(Source& source) {
  if (!source.failure.empty()) {
    out_.complete = false;
    problem(source.name, "",
            fmt::format("extract.duckdb of '{}' cannot be read: {}", source.name, source.failure));
    return;
  }
  if (!source.note.empty()) problem(source.name, "", source.note);
  for (const auto& [name, sql] : source.facts.views) source.views.emplace(to_lower(name), &sql);
  for (const auto& name : source.facts.tables) source.held.insert(to_lower(name));
  for (const auto& name : source.facts.computed_tables) source.computed.insert(to_lower(name));
  std::set<std::string> seen;
  for (const auto& row : source.facts.meta) {
    if (!is_identifier(row.table_name)) {
      problem(
          source.name, shown_text(row.table_name, kLongestName),
          fmt::format("table '{}' of '{}' is not served: a name must be letters, digits and '_', 64 at most",
                      shown_text(row.table_name, kLongestName), source.name));
    } else if (!seen.insert(to_lower(row.table_name)).second) {
      problem(source.name, row.table_name,
              fmt::format("table '{}' of '{}' is in _meta twice; the first row counts", row.table_name,
                          source.name));
    } else {
      plan_table(source, row);
    }
  }
  const std::string prefix = source.name + "/";
  for (const auto& entry : options_.materialized) {
    if (!entry.starts_with(prefix)) continue;
    const std::string name = entry.substr(prefix.size());
    const fs::path file = source.folder / kDataFolder / (name + ".parquet");
    if (!is_identifier(name) || seen.contains(to_lower(name)) || !fs::exists(file)) continue;
    plan_table(source, {name, "", 0, 0, std::nullopt, "materialized"});
  }
}

void Reading::plan_table(const Source& source, const MetaRow& row) {
  const auto& facts = source.facts;
  Wanted wanted{{}, &source, {}, "", false};
  auto& table = wanted.table;
  table.source = source.name;
  table.name = row.table_name;
  table.description = row.description;
  table.query_mode = row.query_mode;
  table.rows = table.noted_rows = row.rows;
  table.size_bytes = row.size_bytes;
  table.extracted_at = row.extracted_at;
  table.kind = "parquet";

  const std::string key = to_lower(row.table_name);
  const auto found = source.views.find(key);
  const std::string* view = found == source.views.end() ? nullptr : found->second;
  const auto columns = facts.table_columns.find(row.table_name);
  if (columns != facts.table_columns.end()) table.columns = columns->second;

  if (source.held.contains(key)) {
    table.kind = "database";
    table.attach_file = source.database;
    wanted_.push_back(std::move(wanted));
    return;
  }
  if (source.computed.contains(key)) {
    problem(source.name, table.name,
            fmt::format("table '{}' of '{}' is not served: it has a generated column; write the values into "
                        "an ordinary one",
                        table.name, source.name));
    return;
  }
  const ViewFiles names = view == nullptr ? ViewFiles{{}, true, false} : view_files(*view);
  if (view != nullptr && !names.plain) {
    // What is behind it can only be in an engine elsewhere: see settle_view.
    table.kind = "remote";
    table.view_sql = *view;
    wanted_.push_back(std::move(wanted));
    return;
  }
  if (!find_files(source, wanted, names)) {
    // A row without a view and without files: its writer has not come to it yet, or it holds nothing so far.
    if (view == nullptr && !wanted.refused) return;
    problem(source.name, table.name, wanted.failure);
    return;
  }
  table.union_by_name = names.union_by_name;
  wanted_.push_back(std::move(wanted));
}

bool Reading::find_files(const Source& source, Wanted& wanted, const ViewFiles& view) {
  const std::string& name = wanted.table.name;
  std::vector<fs::path> found;
  for (const auto& path : view.paths) {
    const fs::path today = rebase(path, source.name, source.folder);
    if (today.empty()) {
      wanted.refused = true;
      wanted.failure = fmt::format(
          "table '{}' of '{}' is refused: its view reads '{}', which is outside of the extract's "
          "folder",
          name, source.name, shown_text(path, kLongestName));
      return false;
    }
    for (auto& file : expand(today)) found.push_back(std::move(file));
  }
  if (found.empty()) found = expand(source.folder / kDataFolder / (name + ".parquet"));
  if (found.empty()) found = expand(source.folder / kDataFolder / name / "*.parquet");
  if (found.empty()) {
    wanted.failure =
        fmt::format("table '{}' of '{}' has no Parquet file: sync this source again", name, source.name);
    return false;
  }
  for (const auto& file : found) {
    DataFile data;
    data.origin = file;
    wanted.table.files.push_back(std::move(data));
  }
  return true;
}

void Reading::read_files(Wanted& wanted, duck::Connection& connection) {
  auto& table = wanted.table;
  std::string file_name;
  try {
    for (auto& file : table.files) {
      file_name = fs::path(file.origin).lexically_relative(wanted.source->folder);
      const auto known = [&](const FileStamp& stamp) -> std::optional<FileFacts> {
        if (auto facts = cache_.file(file.origin, stamp)) return facts;
        const auto noted = wanted.source->noted.find(table.name);
        if (table.files.size() == 1 && noted != wanted.source->noted.end() && noted->second.stamp == stamp)
          return noted->second;
        return std::nullopt;
      };
      const auto read = [&](const std::string& path, const FileStamp& stamp) {
        return FileFacts{stamp, md5_file(path), parquet_rows(connection, {path}),
                         parquet_columns(connection, {path})};
      };
      const PinnedFile pinned = pins_.pin(wanted.source->folder, file.origin, known, read);
      file.path = pinned.path;
      file.stamp = pinned.facts.stamp;
      file.md5 = pinned.facts.md5;
      file.rows = pinned.facts.rows;
      cache_.keep(file.origin, pinned.facts);
      wanted.facts.push_back(pinned.facts);
    }
    if (table.files.empty()) return;
    table.rows = 0;
    table.size_bytes = 0;
    std::string hashes;
    bool alike = true;
    std::vector<std::string> paths;
    for (const auto& file : table.files) {
      table.size_bytes += file.stamp.size;
      table.rows += file.rows;
      hashes += file.md5;
      paths.push_back(file.path);
    }
    for (const auto& facts : wanted.facts) alike = alike && facts.columns == wanted.facts.front().columns;
    table.hash = table.files.size() == 1 ? table.files.front().md5 : md5_hex(hashes);
    if (table.kind != "parquet") return;
    table.union_by_name = !alike;
    file_name = "data";
    table.columns = alike ? wanted.facts.front().columns : parquet_columns(connection, paths, true);
  } catch (const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    wanted.failure =
        fmt::format("table '{}' of '{}' {}: {}: {}", table.name, table.source,
                    ours != nullptr && ours->kind() == ErrorKind::forbidden ? "is refused" : "cannot be read",
                    escape_control(file_name),
                    without_folder(without_folder(short_message(error.what()), wanted.source->folder),
                                   options_.pin_folder));
  }
}

void Reading::settle_attachments() {
  const auto same = [](const std::string& name) {
    return [&name](const auto& other) { return iequals(name, other); };
  };
  std::vector<std::string> taken;
  for (const auto& source : sources_) taken.push_back(source.name);
  for (const auto& wanted : wanted_) taken.push_back(wanted.table.name);
  for (const auto& source : sources_) {
    for (const auto& row : source.facts.remote_attach) {
      const auto get = [&](const char* name) {
        const auto found = row.find(name);
        return found == row.end() ? std::string() : found->second;
      };
      RemoteAttach attach{source.name, get("alias"), get("extension"), std::string(trim(get("url"))),
                          get("token_env")};
      auto why = refusal(attach, options_.remote);
      if (!why && std::any_of(taken.begin(), taken.end(), same(attach.alias)))
        why = "its alias is the name of a table or of an extract";
      for (const auto& other : out_.remote_attaches)
        if (!why && iequals(other.alias, attach.alias) &&
            std::tie(other.extension, other.url, other.token_env) !=
                std::tie(attach.extension, attach.url, attach.token_env))
          why = fmt::format("'{}' has another attachment of that name", other.source);
      if (why) {
        problem(source.name, "",
                fmt::format("the remote attachment '{}' of '{}' is refused: {}",
                            escape_control(attach.alias.substr(0, 64)), source.name, *why));
        refused_.push_back(std::move(attach));
      } else {
        out_.remote_attaches.push_back(std::move(attach));
      }
    }
  }
}

void Reading::settle_view(Wanted& wanted) {
  auto& table = wanted.table;
  if (table.kind != "remote") return;
  table.query_mode = "remote";
  const auto names = remote_names(table.view_sql);
  // Named, or, as far_query('...') does for the extension far, reached by a function of its extension.
  const auto reads = [&](const RemoteAttach& attach) {
    const std::string alias = to_lower(attach.alias), prefix = to_lower(attach.extension) + "_";
    return attach.source == table.source &&
           (std::find(names.catalogs.begin(), names.catalogs.end(), alias) != names.catalogs.end() ||
            std::any_of(names.functions.begin(), names.functions.end(),
                        [&](const std::string& name) { return name.starts_with(prefix); }));
  };
  const auto found = std::find_if(out_.remote_attaches.begin(), out_.remote_attaches.end(), reads);
  if (std::any_of(refused_.begin(), refused_.end(), reads))
    wanted.failure = fmt::format("table '{}' of '{}' is not served: its remote attachment is refused",
                                 table.name, table.source);
  else if (found == out_.remote_attaches.end())
    wanted.failure = fmt::format(
        "table '{}' of '{}' is not served: its view does more than to read its Parquet files, and reads none "
        "of its remote attachments; write the rows into a file or a table of the extract",
        table.name, table.source);
  else
    table.alias = found->alias;
}

void Reading::settle_names() {
  std::map<std::string, std::string> owners;
  for (const auto& [name, source] : options_.owners) owners[to_lower(name)] = source;
  std::set<std::string> failed;
  for (const auto& source : sources_)
    if (!source.failure.empty()) failed.insert(source.name);
  std::map<std::string, std::set<std::string>> claims;
  for (const auto& wanted : wanted_) claims[to_lower(wanted.table.name)].insert(wanted.table.source);

  for (auto& [name, sources] : claims) {
    const auto owner = owners.find(name);
    const auto registered = options_.registered.find(name);
    const bool is_registered = registered != options_.registered.end();
    std::string home = is_registered ? registered->second : "";
    if (is_registered && home.empty() && sources.contains(options_.files)) home = options_.files;
    // The owner keeps its name while its extract cannot be read, too: nobody takes it over by being there
    // first.
    const bool keeps = owner != owners.end() && (home.empty() || owner->second == home) &&
                       (sources.contains(owner->second) || failed.contains(owner->second) || is_registered);
    if (!keeps) owners[name] = home.empty() ? *sources.begin() : home;
  }
  for (const auto& [name, source] : options_.owners)
    if (failed.contains(source) || options_.registered.contains(to_lower(name))) out_.owners[name] = source;
  for (auto& wanted : wanted_) {
    auto& table = wanted.table;
    const std::string& owner = owners[to_lower(table.name)];
    if (owner != table.source) {
      problem(
          table.source, table.name,
          fmt::format("table '{}' of '{}' is not served: '{}' has that name already; rename one of them, or "
                      "register it anew to hand the name over",
                      table.name, table.source, owner));
      continue;
    }
    // A table that cannot be read keeps its name.
    out_.owners[table.name] = table.source;
    if (!wanted.failure.empty())
      problem(table.source, table.name, wanted.failure);
    else
      out_.tables.push_back(std::move(table));
  }
}

// A catalogue that is too large to be handed over takes no tables away but those of the source that has most to say.
void Reading::fit() {
  std::map<std::string, std::size_t> sizes;
  std::size_t all = 0;
  for (const auto& table : out_.tables) {
    const std::size_t size = json::to_text(table).size();
    sizes[table.source] += size;
    all += size;
  }
  while (all > kLargestCatalogue) {
    const auto most = std::max_element(sizes.begin(), sizes.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    const std::string source = most->first;
    std::erase_if(out_.tables, [&](const auto& table) { return table.source == source; });
    problem(source, "",
            fmt::format(
                "the tables of '{}' are not served: their names, columns and views take {}, and those of all "
                "sources {} at most",
                source, human_bytes(most->second), human_bytes(kLargestCatalogue)));
    all -= most->second;
    sizes.erase(most);
  }
}

Catalogue Reading::run() {
  find_sources();
  in_parallel(sources_.size(), options_.threads,
              [&](std::size_t i, duck::Connection& connection) { read_source(sources_[i], connection); });
  for (auto& source : sources_) plan(source);
  in_parallel(wanted_.size(), options_.threads,
              [&](std::size_t i, duck::Connection& connection) { read_files(wanted_[i], connection); });
  settle_attachments();
  for (auto& wanted : wanted_) settle_view(wanted);
  settle_names();
  fit();
  std::sort(out_.tables.begin(), out_.tables.end(), [](const auto& a, const auto& b) {
    return std::tie(a.source, a.name) < std::tie(b.source, b.name);
  });
  if (!options_.analytics_file.empty()) {
    for (auto& failed : build_analytics(options_.analytics_file, out_.tables, cache_.analytics))
      out_.problems.push_back(std::move(failed));
  }
  if (options_.only.empty()) cache_.save();
  std::set<std::string> keep(options_.keep_pins.begin(), options_.keep_pins.end());
  for (const auto& table : out_.tables)
    for (const auto& file : table.files) keep.insert(fs::path(file.path).filename());
  for (const auto& source : sources_) keep.insert(fs::path(source.database).filename());
  pins_.remove_others(keep);
  return std::move(out_);
}

}  // namespace

Catalogue read_extracts(const ReadOptions& options) {
  return Reading(options).run();
}

}  // namespace agnes::extracts
