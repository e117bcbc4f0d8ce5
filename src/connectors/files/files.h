#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/extracts/extract.h"
#include "core/extracts/problem.h"
#include "lib/workers/task.h"

// The files connector: a folder (or glob) of CSV, TSV, JSON, JSON lines and Parquet files becomes the extract
// "files".
//
// Which files are tables
// - .csv .tsv .json .jsonl .ndjson .parquet, the text ones also as .gz and .zst. Other files are passed over, and so is
//   what starts with '.' or '_'.
// - A file in the folder is a table. A sub-folder is one table of all the files in it and below, which must have one
//   format and the same columns (JSON: a column may be missing here and there); "year=2024" folders of Parquet or CSV
//   files become columns.
// - With a glob ("/data/*/sales-*.csv", "**" for any depth) the part before the first wildcard is the folder, and only
//   files that match count.
//
// What a table is called: the file's name without its endings, or the sub-folder's name. Spaces and - . + , & ( ) [ ]
// @ # ~ = become '_', one for a run of them, none at either end; a leading digit gets a '_' before it; letters keep
// their case: "flights-3m.parquet" is flights_3m, "2024 sales.csv.gz" is _2024_sales. Other characters, more than 64 of
// them, and names that the contract or DuckDB has for itself are refused with the reason. A TableSpec may give a file
// another name.
//
// Types: a CSV column gets a type only where every value of all its files says the same in that type, else it is text:
// values.h. JSON types always come from the whole file. TableSpec.types overrides, per column.
namespace agnes::connectors::files {

// What the configuration says of one table.
struct TableSpec {
  std::string name;    // the table
  std::string source;  // file or sub-folder, relative to the folder; empty: found by `name`
  std::string description;
  std::map<std::string, std::string> types;  // column -> DuckDB type
  // CSV only, where the usual does not hold.
  std::optional<bool> header;
  std::optional<std::string> delimiter, quote, escape, null_text, date_format, timestamp_format, encoding;
  std::optional<std::string> decimal, thousands, date_order;  // how numbers and dates are written
  std::optional<std::int64_t> skip;                           // lines before the header
  static constexpr json::Rule rules[] = {{.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(TableSpec, (),
                      (name, source, description, types, header, delimiter, quote, escape, null_text,
                       date_format, timestamp_format, encoding, decimal, thousands, date_order, skip))

struct Job {
  std::string path;         // folder or glob of the sources
  std::string extract_dir;  // extracts/files
  std::string temp_dir;     // where DuckDB may spill
  std::uint64_t memory_bytes = 640ull << 20;
  int threads = 2;
  std::vector<TableSpec> tables;
  std::map<std::string, std::string> wrong;  // of `tables`, by name: what is wrong with the settings, a line
  std::vector<std::string> exclude;          // names or globs, relative to the folder
  std::optional<std::vector<std::string>>
      only;            // tables to bring up to date (or take away); the others stay as they are
  bool force = false;  // also what is unchanged
  static constexpr json::Rule rules[] = {{.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(Job, (),
                      (path, extract_dir, temp_dir, memory_bytes, threads, tables, wrong, exclude, only,
                       force))

using Problem = extracts::Problem;

// What became of one table. `status`:
//   ok         written anew
//   unchanged  its sources and settings are as they were; nothing was read
//   failed     `error` says why; its last good version stays where there is one
//   skipped    its file holds no table (a map, a nested document) and never did
//   removed    its source is gone
struct TableResult {
  std::string name;
  std::string status;
  std::int64_t rows = 0;
  std::uint64_t size_bytes = 0;
  std::vector<extracts::Column> columns;
  std::string hash;  // MD5 of the Parquet file
  std::vector<std::string> files;
  std::string error;       // one line: what and where
  std::string error_kind;  // Problem::kind
  bool kept = false;       // failed, and its last good version stays
  std::optional<std::int64_t> line;
  std::int64_t duration_ms = 0;
};
BOOST_DESCRIBE_STRUCT(TableResult, (),
                      (name, status, rows, size_bytes, columns, hash, files, error, error_kind, kept, line,
                       duration_ms))

struct Outcome {
  std::vector<TableResult> tables;  // by name
  std::vector<Problem> problems;    // what no table with the status `failed` says
  std::int64_t ignored = 0;         // files that are not tables by their ending
};
BOOST_DESCRIBE_STRUCT(Outcome, (), (tables, problems, ignored))

// Brings the extract up to date. A table that fails does not stop the others. A table whose source is gone
// leaves the extract, but an empty or unreadable folder (a share that is not mounted) takes nothing away.
// Finished tables become visible every few seconds and at the end, so that a killed run loses little.
// Progress: {"table", "done", "total"}. Throws Error when nothing could be done at all: no such folder,
// extract folder not writable, disk full at the end. `after_step` is for tests: told the name of each step
// that changed something on disk.
Outcome extract(const Job& job, const workers::TaskContext& context,
                const std::function<void(std::string_view)>& after_step = {});

// One table that the folder offers.
struct Preview {
  std::string table;
  std::vector<std::string> files;
  std::string format;
  std::uint64_t size_bytes = 0;
  std::vector<extracts::Column> columns;
  boost::json::array rows;  // the first ones, as objects
  std::string error;
};
BOOST_DESCRIBE_STRUCT(Preview, (), (table, files, format, size_bytes, columns, rows, error))

struct Discovery {
  std::vector<Preview> tables;
  std::vector<Problem> problems;
};
BOOST_DESCRIBE_STRUCT(Discovery, (), (tables, problems))

// What `extract` would find, with types as the first rows suggest them and up to `rows` rows each; 0 reads no
// file.
Discovery discover(const Job& job, std::int64_t rows);

// Takes a table out of the extract. It comes back with the next `extract` that includes it.
void remove(const Job& job, const std::string& table);

}  // namespace agnes::connectors::files
