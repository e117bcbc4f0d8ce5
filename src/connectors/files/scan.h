#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "connectors/files/files.h"

namespace agnes::connectors::files {

namespace fs = std::filesystem;

enum class Format { csv, tsv, json, json_lines, parquet };
std::string_view to_text(Format format);

struct SourceFile {
  std::string relative;  // to the folder
  std::string path;      // absolute, links resolved
  extracts::FileStamp stamp;
  std::int64_t ctime_ns = 0;
  Format format = Format::csv;
  bool has_zeros = false;  // check_contents has found a byte of zero, which DuckDB's reader passes over
};

struct Candidate {
  std::string table;
  std::vector<SourceFile> files;  // one format, by name
  bool folder = false;
  const TableSpec* spec = nullptr;  // of the job
};

struct Scan {
  std::vector<Candidate> tables;  // by name
  std::vector<Problem> problems;
  // Lower-case names that have a source which could not be used: their last good version stays.
  std::set<std::string> disputed;
  std::int64_t ignored = 0;
  bool empty = true;  // not one file that could be a table
};

// Looks through the job's folder without opening a file. Throws Error when it cannot be read.
Scan scan(const Job& job);

// Whether nobody has written the file since.
bool is_as_scanned(const SourceFile& file);

// The table's name for a file's or sub-folder's name, or why there is none.
struct Naming {
  std::string name, reason;
};
Naming table_name(const std::string& file_name);

// Whether a relative path matches a pattern: `*`, `?` and `[]` within one part, `**` for any number of parts.
bool matches(std::string_view pattern, std::string_view path);

}  // namespace agnes::connectors::files
