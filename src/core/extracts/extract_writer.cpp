#include "core/extracts/extract_writer.h"

#include <future>

#include <unistd.h>

#include "core/extracts/view_sql.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"
#include "lib/duck/storable.h"

namespace agnes::extracts {

namespace {
// DuckDB's own unit: each group has its own minima and maxima, so that a filter skips the others.
constexpr std::size_t kRowGroupRows = 122'880;
// Values of a row group, which DuckDB holds in memory until it is written. No group has fewer rows than a chunk.
constexpr std::size_t kRowGroupValues = 8'000'000, kChunkRows = 2'048;
// With more columns than this, the chunks on the way to the file are what takes memory: DuckDB counts room for 2,048 rows
// of each column in each of them, whether there are rows or not.
constexpr std::size_t kWideColumns = 1'000;
constexpr std::uint64_t kColumnBytes = 160 << 10;
// DuckDB makes room for the dictionary of each column of text while it writes a row group: so much of it for all of them, of
// which none needs more than the 1 MB that it has by itself.
constexpr std::size_t kDictionaryBytes = 128 << 20, kLargestDictionary = 1 << 20;
// About as quick as Snappy, at half the size; the usual level 3 costs a third more time for 8 % less.
constexpr int kZstdLevel = 1;

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw system_error("cannot create " + folder.string(), error.value());
}
std::size_t row_group_rows(std::size_t columns) {
  const auto chunks = kRowGroupValues / std::max<std::size_t>(columns, 1) / kChunkRows;
  return std::clamp(chunks * kChunkRows, kChunkRows, kRowGroupRows);
}

std::size_t dictionary_bytes(std::size_t columns) {
  return std::min(kDictionaryBytes / std::max<std::size_t>(columns, 1), kLargestDictionary);
}

// The engine while it writes a table of many columns: with one thread, as each has chunks of its own, and with as much
// memory as it counts for these columns. What it takes is less, and the process has its own limit.
class WideTable {
 public:
  WideTable(duck::Connection& connection, std::size_t columns) : connection_(connection) {
    if (columns <= kWideColumns) return;
    for (const char* name : {"threads", "memory_limit"}) before_[name] = setting(name);
    connection.execute("SET threads = 1");
    const auto least = kColumnBytes * columns;
    if (duck::scalar<bool>(connection, fmt::format("SELECT parse_formatted_bytes({}) < {}",
                                                   duck::quote_literal(before_["memory_limit"]), least)) ==
        true)
      connection.execute(fmt::format("SET memory_limit = '{}B'", least));
  }
  WideTable(const WideTable&) = delete;
  ~WideTable() {
    try {
      for (const auto& [name, value] : before_)
        connection_.execute(fmt::format("SET {} = {}", name, duck::quote_literal(value)));
    } catch (const Error&) {
      // An engine that has failed is not used again.
    }
  }

 private:
  std::string setting(const std::string& name) {
    return duck::scalar<std::string>(connection_,
                                     fmt::format("SELECT CAST(current_setting('{}') AS VARCHAR)", name))
        .value();
  }
  duck::Connection& connection_;
  std::map<std::string, std::string> before_;
};

// With the log of a writer that has not checkpointed, which belongs to it.
void copy_database(const fs::path& from, const fs::path& to) {
  for (const char* part : {"", ".wal"}) {
    const fs::path file = from.string() + part;
    std::error_code error;
    if (!fs::exists(file, error)) continue;
    fs::copy_file(file, to.string() + part, error);
    if (error) throw system_error("cannot copy " + file.string(), error.value());
  }
}
}  // namespace

ExtractWriter::ExtractWriter(fs::path folder) : folder_(fs::absolute(folder).lexically_normal()) {
  if (!folder_.has_filename()) folder_ = folder_.parent_path();
  data_ = folder_ / kDataFolder;
  create_folder(data_);
  lock_ = FileLock::try_lock(folder_ / ".agnes-lock");
  if (!lock_)
    throw Error(ErrorKind::conflict,
                fmt::format("{} is being written by another process; try again when it is done",
                            folder_.filename().string()));
  remove_leftovers(folder_);
  remove_leftovers(data_);
  load();
}

ExtractWriter::~ExtractWriter() {
  for (const auto& [table, pending] : pending_) ::unlink(pending.temporary.c_str());
}

fs::path ExtractWriter::file_of(const std::string& table) const {
  return data_ / (table + ".parquet");
}

// Ours is what this class writes: one Parquet file and a view that reads it, or a row that has lost them.
bool ExtractWriter::is_ours(const MetaRow& row, const std::string* view) const {
  if (!is_identifier(row.table_name) || row.query_mode == "remote") return false;
  if (view == nullptr) return true;
  const auto files = view_files(*view);
  return files.plain && files.paths.size() == 1 &&
         fs::path(files.paths.front()).filename() == file_of(row.table_name).filename();
}

void ExtractWriter::load_database(const fs::path& database) {
  duck::Database opened({database, {{"access_mode", "READ_ONLY"}, {"threads", "1"}}});
  auto connection = opened.connect();
  std::map<std::string, std::string> views;
  for (const auto& row :
       connection.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").rows())
    views[to_lower(std::get<std::string>(row.at(0)))] = std::get<std::string>(row.at(1));
  std::set<std::string> held;
  for (const auto& row :
       connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").rows())
    held.insert(to_lower(std::get<std::string>(row.at(0))));
  std::map<std::string, MetaRow> tables;
  std::set<std::string> lost;
  for (auto& row : duck::rows<MetaRow>(connection, "SELECT * FROM _meta")) {
    const std::string name = row.table_name;
    const auto view = views.find(to_lower(name));
    if (held.contains(to_lower(name)) || !is_ours(row, view == views.end() ? nullptr : &view->second))
      shared_ = true;
    else if (fs::exists(file_of(name)))
      tables.emplace(name, std::move(row));
    else
      lost.insert(name);
  }
  shared_ = shared_ || held.size() > 1;
  if (shared_) removed_ = std::move(lost);
  tables_ = std::move(tables);
}

void ExtractWriter::load() {
  facts_ = read_facts(folder_);
  const fs::path database = folder_ / kExtractFile;
  if (fs::exists(database)) {
    try {
      return load_database(database);
    } catch (const Error& error) {
      if (duck::is_locked(error))
        throw Error(
            ErrorKind::unavailable,
            fmt::format(
                "extract.duckdb of {} is open in another program that writes it: stop that one, or try "
                "again when it is done",
                folder_.filename().string()));
      log::warn("{} cannot be read and is made anew from its data files: {}", database.string(),
                short_message(error.what()));
      unreadable_ = true;
    }
  }
  // A commit that was killed between its renames, or a lost database: the files speak for themselves.
  auto engine = open_engine({folder_.string(), 0, 1});
  auto connection = engine.connect();
  for (const auto& entry : fs::directory_iterator(data_)) {
    const std::string name = entry.path().stem();
    if (entry.path().extension() != ".parquet" || !is_identifier(name)) continue;
    try {
      const auto stamp = stamp_of(entry.path());
      if (!stamp) continue;
      tables_[name] = {name, "", parquet_rows(connection, {entry.path()}), stamp->size, now(), "local"};
      changed_ = true;
    } catch (const Error& error) {
      log::warn("{} is not a Parquet file: {}", entry.path().string(), short_message(error.what()));
    }
  }
}

WrittenTable ExtractWriter::write(duck::Connection& connection, const std::string& table,
                                  const std::string& select, const std::string& description,
                                  const std::string& query_mode) {
  if (!is_identifier(table))
    throw Error(ErrorKind::invalid, "'" + escape_control(table) + "' is not a table name");
  const fs::path temporary = temporary_name(file_of(table));
  struct Guard {
    const fs::path* file;
    ~Guard() {
      if (file != nullptr) ::unlink(file->c_str());
    }
  } guard{&temporary};

  const auto described = connection.execute("DESCRIBE " + select).rows();
  {
    const WideTable wide(connection, described.size());
    connection.execute(
        fmt::format("COPY ({}) TO {} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {}, ROW_GROUP_SIZE "
                    "{}, STRING_DICTIONARY_PAGE_SIZE_LIMIT {}, USE_TMP_FILE false)",
                    duck::storable_select(select, described), duck::quote_literal(temporary.string()),
                    kZstdLevel, row_group_rows(described.size()), dictionary_bytes(described.size())));
  }
  step("copied");

  // Syncing waits for the disk and hashing for the processor: both at once.
  auto synced = std::async(std::launch::async, [&] { sync_file(temporary); });
  WrittenTable out;
  out.md5 = md5_file(temporary);
  synced.get();
  out.rows = parquet_rows(connection, {temporary.string()});
  out.columns = parquet_columns(connection, {temporary.string()});
  out.stamp = stamp_of(temporary).value();
  out.size_bytes = out.stamp.size;
  step("checked");

  discard(table);
  pending_[table] = {temporary,
                     {table, description, out.rows, out.size_bytes, now(), query_mode},
                     {out.stamp, out.md5, out.rows, out.columns},
                     {}};
  removed_.erase(table);
  // To readers, a name in another case is the same one.
  for (const auto& [name, row] : tables_)
    if (name != table && iequals(name, table) && removed_.insert(name).second)
      pending_[table].replaces.push_back(name);
  guard.file = nullptr;
  return out;
}

void ExtractWriter::describe(const std::string& table, const std::string& description) {
  const auto found = tables_.find(table);
  if (found == tables_.end() || found->second.description == description) return;
  found->second.description = description;
  touched_.insert(table);
  changed_ = true;
}

void ExtractWriter::remove(const std::string& table) {
  discard(table);
  if (tables_.contains(table)) removed_.insert(table);
  changed_ = changed_ || tables_.contains(table);
}

void ExtractWriter::discard(const std::string& table) {
  const auto found = pending_.find(table);
  if (found == pending_.end()) return;
  ::unlink(found->second.temporary.c_str());
  for (const auto& name : found->second.replaces) removed_.erase(name);
  pending_.erase(found);
}

void ExtractWriter::commit() {
  if (!pending()) return;
  changed_ = true;
  while (!pending_.empty()) {
    const auto& [table, pending] = *pending_.begin();
    if (::rename(pending.temporary.c_str(), file_of(table).c_str()) != 0)
      throw system_error("cannot replace " + file_of(table).string(), errno);
    tables_[table] = pending.row;
    facts_[table] = pending.facts;
    touched_.insert(table);
    pending_.erase(pending_.begin());
    step("renamed");
  }
  sync_folder(data_);
  auto tables = tables_;
  for (const auto& table : removed_) tables.erase(table);
  build_database(tables);
  tables_ = std::move(tables);
  for (const auto& table : removed_) {
    ::unlink(file_of(table).c_str());
    facts_.erase(table);
  }
  write_facts(folder_, facts_);
  removed_.clear();
  touched_.clear();
  changed_ = false;
  step("committed");
}

void ExtractWriter::fill_database(duck::Connection& connection,
                                  const std::map<std::string, MetaRow>& tables) const {
  connection.execute(
      "CREATE TABLE IF NOT EXISTS _meta (table_name VARCHAR, description VARCHAR, \"rows\" BIGINT, "
      "size_bytes "
      "BIGINT, extracted_at TIMESTAMP, query_mode VARCHAR)");
  for (const auto& table : removed_) {
    connection.execute("DELETE FROM _meta WHERE lower(table_name) = lower(?)", table);
    connection.execute("DROP VIEW IF EXISTS " + duck::quote_identifier(table));
  }
  for (const auto& [table, row] : tables) {
    // What else stands there is as its writer left it.
    if (shared_ && !touched_.contains(table)) continue;
    if (shared_) connection.execute("DELETE FROM _meta WHERE lower(table_name) = lower(?)", table);
    connection.execute(
        "INSERT INTO _meta (table_name, description, \"rows\", size_bytes, extracted_at, query_mode) VALUES "
        "(?, "
        "?, ?, ?, ?, ?)",
        table, row.description, row.rows, row.size_bytes, row.extracted_at, row.query_mode);
    connection.execute(fmt::format("CREATE OR REPLACE VIEW {} AS SELECT * FROM read_parquet({})",
                                   duck::quote_identifier(table),
                                   duck::quote_literal(escape_glob(file_of(table)))));
  }
}

void ExtractWriter::build_database(const std::map<std::string, MetaRow>& tables) {
  const fs::path target = folder_ / kExtractFile;
  PendingFile pending(target);
  if (shared_) copy_database(target, pending.temporary());
  std::int64_t expected = 0;
  {
    duck::Database database({pending.temporary(), {{"threads", "1"}}});
    auto connection = database.connect();
    duck::Transaction transaction(connection);
    fill_database(connection, tables);
    expected = duck::scalar<std::int64_t>(connection, "SELECT count(*) FROM _meta").value_or(0);
    transaction.commit();
    connection.execute("CHECKPOINT");
  }
  step("database built");
  {
    duck::Database check({pending.temporary(), {{"access_mode", "READ_ONLY"}, {"threads", "1"}}});
    auto connection = check.connect();
    const auto count = duck::scalar<std::int64_t>(connection, "SELECT count(*) FROM _meta");
    if (count != expected)
      throw Error(ErrorKind::internal,
                  fmt::format("{} came out wrong: its disk may be failing", target.string()));
  }
  if (unreadable_) {
    // What was in it besides may be wanted still.
    const std::string aside = target.string() + ".unreadable";
    ::unlink(aside.c_str());
    if (::link(target.c_str(), aside.c_str()) == 0)
      log::warn("the old {} is kept as {}", target.string(), aside);
    unreadable_ = false;
  }
  // A log that an earlier writer left belongs to the old file; DuckDB would apply it to the new one.
  ::unlink((target.string() + ".wal").c_str());
  pending.commit();
  step("database renamed");
}

}  // namespace agnes::extracts
