#pragma once

#include <map>
#include <string>

#include "connectors/files/scan.h"

namespace agnes::connectors::files {

struct LedgerFile {
  std::string relative;
  extracts::FileStamp stamp;
  // A program can put the time of its writing back, not this one.
  std::int64_t ctime_ns = 0;
  auto operator<=>(const LedgerFile&) const = default;
};
BOOST_DESCRIBE_STRUCT(LedgerFile, (), (relative, stamp, ctime_ns))

// What a table was made from, and what came of it.
struct LedgerEntry {
  std::string settings;  // fingerprint
  std::vector<LedgerFile> files;
  extracts::FileStamp made;  // the Parquet file; meaningless with an error
  std::int64_t rows = 0;
  std::string hash;
  std::vector<extracts::Column> columns;
  // Why these files could not be the table: said again, without reading them again, until they change.
  std::string error, error_kind, error_file;
  std::optional<std::int64_t> error_line;
};
BOOST_DESCRIBE_STRUCT(LedgerEntry, (),
                      (settings, files, made, rows, hash, columns, error, error_kind, error_file, error_line))

// Remembers across syncs which table came from which version of its files, in .agnes-sources.json of the
// extract folder. Losing it costs a full sync, nothing else.
class Ledger {
 public:
  explicit Ledger(const fs::path& extract_dir);

  const LedgerEntry* find(const std::string& table) const;
  void set(const std::string& table, LedgerEntry entry);
  void erase(const std::string& table);
  // Writes what changed.
  void save();

 private:
  fs::path file_;
  std::map<std::string, LedgerEntry> entries_;
  bool changed_ = false;
};

// What an entry must have to stand for this candidate as it is now, results apart.
LedgerEntry expected_entry(const Candidate& candidate);

}  // namespace agnes::connectors::files
