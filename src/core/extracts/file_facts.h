#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/extracts/extract.h"

namespace agnes::extracts {

// What reading a Parquet file once told.
struct FileFacts {
  FileStamp stamp;
  std::string md5;
  std::int64_t rows = 0;
  std::vector<Column> columns;
};
BOOST_DESCRIBE_STRUCT(FileFacts, (), (stamp, md5, rows, columns))

// What the writer of an extract folder noted of its files, by table, so that a reader need not hash them
// again. The stamps tell what still holds. Empty when there is no note, or a damaged one.
std::map<std::string, FileFacts> read_facts(const fs::path& extract_folder);
void write_facts(const fs::path& extract_folder, const std::map<std::string, FileFacts>& facts);

// An extract.duckdb as it stands: its _meta, views, tables and remote attachments, all as text.
struct ExtractFacts {
  FileStamp stamp;
  std::vector<MetaRow> meta;
  std::map<std::string, std::string> views;  // name -> CREATE VIEW ...
  std::vector<std::string> tables;
  std::vector<std::string> computed_tables;  // those with generated columns, which are not read
  std::map<std::string, std::vector<Column>> table_columns;
  std::vector<std::map<std::string, std::string>> remote_attach;
};
BOOST_DESCRIBE_STRUCT(ExtractFacts, (),
                      (stamp, meta, views, tables, computed_tables, table_columns, remote_attach))

// What was learned of files, by path, and valid as long as the file's stamp is the same. Thread-safe.
class FactsCache {
 public:
  // Reads `file` when it is there; damaged content counts as none. Empty: remembers nothing.
  explicit FactsCache(std::string file);

  std::optional<FileFacts> file(const std::string& path, const FileStamp& stamp);
  void keep(const std::string& path, const FileFacts& facts);
  std::optional<ExtractFacts> extract(const std::string& path, const FileStamp& stamp);
  void keep(const std::string& path, const ExtractFacts& facts);
  // Keeps all that is known of files in `folder`.
  void keep_below(const std::string& folder);
  // What the analytics database was last built from.
  std::string analytics;

  // Writes what was used or kept since the start, if anything differs from the file.
  void save();

 private:
  struct Content {
    std::map<std::string, FileFacts> files;
    std::map<std::string, ExtractFacts> extracts;
  };
  std::string path_, loaded_;
  std::mutex mutex_;
  Content old_, used_;
};

}  // namespace agnes::extracts
