#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <sys/stat.h>

#include "lib/base/json.h"
#include "lib/base/time.h"
#include "lib/duck/database.h"

// The extract contract: what every source, ours or another program's in any language, leaves in
// extracts/<source>/:
//
//   extract.duckdb       _meta, one view a table over its Parquet files, _remote_attach when tables live
//   elsewhere data/<table>.parquet or data/<table>/*.parquet
//
// Files that start with a dot are ours alone and may be removed at any time.
namespace agnes::config {
struct Places;
}

namespace agnes::extracts {

namespace fs = std::filesystem;

inline constexpr const char* kExtractFile = "extract.duckdb";
inline constexpr const char* kDataFolder = "data";

struct Column {
  std::string name;
  std::string type;  // as DuckDB writes it: "DECIMAL(18,2)", "STRUCT(a BIGINT)[]"
  bool operator==(const Column&) const = default;
};
BOOST_DESCRIBE_STRUCT(Column, (), (name, type))

// What tells one content of a file from another without reading it.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  auto operator<=>(const FileStamp&) const = default;
};
BOOST_DESCRIBE_STRUCT(FileStamp, (), (size, mtime_ns, inode))

// Of the file that a path leads to; nothing when there is none.
std::optional<FileStamp> stamp_of(const fs::path& file);
FileStamp stamp_of(const struct stat& info);

// A row of _meta.
struct MetaRow {
  std::string table_name;
  std::string description;
  std::int64_t rows = 0;
  std::uint64_t size_bytes = 0;
  std::optional<Timestamp> extracted_at;
  std::string query_mode = "local";  // local, remote, materialized
};
BOOST_DESCRIBE_STRUCT(MetaRow, (), (table_name, description, rows, size_bytes, extracted_at, query_mode))

// A file's path as DuckDB's readers take it: `*`, `?` and `[` in a name stand for themselves.
std::string escape_glob(const fs::path& file);
// read_parquet('...'[, ...]) over exactly these files.
std::string read_parquet_sql(const std::vector<std::string>& files, bool union_by_name = false);

// An in-memory database for reading files: no extensions from outside, spilling to `temp_folder`.
struct EngineOptions {
  std::string temp_folder;
  std::uint64_t memory_bytes = 0;  // 0: DuckDB's default
  int threads = 2;
};
duck::Database open_engine(const EngineOptions& options);

// Throws Error (invalid) for columns that are more to describe than every list of tables can hold: 1 MB.
void check_columns(const std::vector<Column>& columns);
std::vector<Column> parquet_columns(duck::Connection& connection, const std::vector<std::string>& files,
                                    bool union_by_name = false);
// From the files' footers.
std::int64_t parquet_rows(duck::Connection& connection, const std::vector<std::string>& files);

// The first line of what DuckDB said, without "Invalid Input Error: ".
std::string short_message(const std::string& said);
// The same of why a table was not written, with the next step where the disk or the memory was at its end.
std::string why_not_written(const Error& error);

// Where a server and its workers write beside what they replace, so where a killed one leaves temporary files.
std::vector<std::filesystem::path> work_folders(const config::Places& places);

}  // namespace agnes::extracts
