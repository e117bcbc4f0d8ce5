#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/extracts/extract.h"
#include "core/extracts/file_facts.h"
#include "lib/base/files.h"

namespace agnes::extracts {

// What `write` made: not visible to readers before `commit`.
struct WrittenTable {
  std::int64_t rows = 0;
  std::uint64_t size_bytes = 0;
  std::string md5;
  FileStamp stamp;  // stays the same through the commit
  std::vector<Column> columns;
};

// The only way in which an extract folder of ours changes. Tables are written beside the ones that readers
// see: Parquet (zstd) as a temporary file in data/, synced, its footer read back. `commit` renames each over
// the old one, then builds extract.duckdb beside and renames that. So, whenever the process is killed:
//
// - a table's Parquet file is the old one or the new one, whole;
// - extract.duckdb is the old one or the new one, whole;
// - in between, a Parquet file may be newer than its row in _meta and its view. Readers take rows, size and columns from
//   the Parquet file, which is always true of itself; the next commit brings _meta up to it.
//
// What another program keeps in extract.duckdb (tables that live elsewhere, _remote_attach) stays as it is,
// but for tables that are written or removed here. A removed table leaves extract.duckdb first, then its file
// goes. Throws Error naming the file and the cause; a full disk is `insufficient_storage`, and everything
// that readers see is as it was. Not thread-safe. One writer at a time has a folder (a lock that ends with
// the process).
class ExtractWriter {
 public:
  // Creates the folder where it is missing, removes what killed writers left, reads what there is. An
  // extract.duckdb that cannot be read is made anew from the files in data/, and kept as
  // extract.duckdb.unreadable. Error (conflict) when another process writes to the folder in this way, Error
  // (unavailable) when a program that knows nothing of it has extract.duckdb open for writing.
  explicit ExtractWriter(fs::path folder);
  ~ExtractWriter();
  ExtractWriter(const ExtractWriter&) = delete;
  ExtractWriter& operator=(const ExtractWriter&) = delete;

  // By table name: what a reader sees now.
  const std::map<std::string, MetaRow>& tables() const { return tables_; }
  fs::path file_of(const std::string& table) const;  // data/<table>.parquet

  // Runs `select` on `connection` and keeps its rows as the table's next version. QueryError says what DuckDB
  // said of the statement. Columns that Parquet would hold changed are cast or refused: duck::storable_select.
  WrittenTable write(duck::Connection& connection, const std::string& table, const std::string& select,
                     const std::string& description = "", const std::string& query_mode = "local");
  // Changes the description alone.
  void describe(const std::string& table, const std::string& description);
  void remove(const std::string& table);
  // Forgets what was written of a table since the last commit.
  void discard(const std::string& table);

  bool pending() const { return !pending_.empty() || changed_; }
  void commit();

  // For tests: told the name of each step once it is done.
  std::function<void(std::string_view step)> after_step;

 private:
  struct Pending {
    fs::path temporary;
    MetaRow row;
    FileFacts facts;
    std::vector<std::string> replaces;  // in another case
  };
  void load();
  void load_database(const fs::path& database);
  bool is_ours(const MetaRow& row, const std::string* view) const;
  void step(std::string_view name) const {
    if (after_step) after_step(name);
  }
  void fill_database(duck::Connection& connection, const std::map<std::string, MetaRow>& tables) const;
  void build_database(const std::map<std::string, MetaRow>& tables);

  fs::path folder_, data_;
  std::optional<FileLock> lock_;
  std::map<std::string, MetaRow> tables_;
  std::map<std::string, FileFacts> facts_;
  std::map<std::string, Pending> pending_;
  std::set<std::string> removed_;
  std::set<std::string> touched_;  // changed since the last commit
  bool shared_ = false;            // extract.duckdb holds what is not ours
  bool unreadable_ = false;
  bool changed_ = false;
};

}  // namespace agnes::extracts
