#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/extracts/extract.h"
#include "core/extracts/problem.h"
#include "core/extracts/remote_attach.h"

namespace agnes::extracts {

// One Parquet file of a table.
struct DataFile {
  std::string path;    // where to read it: the pinned name when there is one
  std::string origin;  // where the extract has it
  FileStamp stamp;
  std::string md5;
  std::int64_t rows = 0;
};
BOOST_DESCRIBE_STRUCT(DataFile, (), (path, origin, stamp, md5, rows))

// One table that may be served. `kind` tells where its rows are:
//   parquet   in `files`, which have the same columns (`union_by_name` when those may differ in number or order)
//   database  in a table of `attach_file` (DuckDB; attach_extract opens it)
//   remote    elsewhere: `view_sql` names it, behind the attachment `alias` of its source
struct CatalogueTable {
  std::string source;
  std::string name;
  std::string description;
  std::string query_mode;
  std::string kind;
  std::int64_t rows = 0;
  std::int64_t noted_rows = 0;  // what _meta says
  std::uint64_t size_bytes = 0;
  std::optional<Timestamp> extracted_at;
  std::string hash;  // MD5 of the one file; of the files' MD5s when there are several; "" without files
  std::vector<Column> columns;
  std::vector<DataFile> files;
  bool union_by_name = false;
  std::string attach_file;
  std::string view_sql;
  std::string alias;
};
BOOST_DESCRIBE_STRUCT(CatalogueTable, (),
                      (source, name, description, query_mode, kind, rows, noted_rows, size_bytes,
                       extracted_at, hash, columns, files, union_by_name, attach_file, view_sql, alias))

struct ReadOptions {
  std::string extracts_dir;
  // Remembers what was read of unchanged files; made when missing, ignored when damaged. Empty: nothing is
  // remembered.
  std::string cache_file;
  // Where every data file gets a second, hard-linked name that no sync replaces, so that who reads it or
  // hands it out has one version from beginning to end. On the extracts' file system. Empty: no pins.
  std::string pin_folder;
  // Names in pin_folder that older generations still use; others that this catalogue has no use for are
  // removed.
  std::vector<std::string> keep_pins;
  // The analytics database (views over all tables) for readers outside of this program; written only when it
  // would differ. Empty: none.
  std::string analytics_file;
  // Which source has which view name already (table view_ownership).
  std::map<std::string, std::string> owners;
  // Registered tables, by name in lower case, with the source that they are of: such a name is served of no other, also while that
  // has none of it, as grants name the table. Empty: of `files` once that has it, else of any, and then of the one that had it first.
  std::map<std::string, std::string> registered;
  std::string files;  // the extract of the server's own files
  // "source/name" of registered materialised tables: their file is served without a row in _meta too.
  std::vector<std::string> materialized;
  // Sources to read; empty: all.
  std::vector<std::string> only;
  // Sources to report as unreadable without touching them, and why.
  std::map<std::string, std::string> skip;
  bool trust_notes = true;  // what the writer of an extract noted of its files is not read again
  RemoteRules remote;
  int threads = 2;
  static constexpr json::Rule rules[] = {{.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(ReadOptions, (),
                      (extracts_dir, cache_file, pin_folder, keep_pins, analytics_file, owners, registered,
                       files, materialized, only, skip, trust_notes, remote, threads))

struct Catalogue {
  std::vector<CatalogueTable> tables;  // by source, then name; names are unique, whatever their case
  // Those that the rules allow; one alias is one engine for all sources.
  std::vector<RemoteAttach> remote_attaches;
  // What could not be served, and why. `table` is empty when the whole extract is meant. `message` names no path outside
  // the extract's folder.
  std::vector<Problem> problems;
  // What view_ownership should hold now. When not `complete`, an extract could not be read, and it still has
  // the names that it had.
  std::map<std::string, std::string> owners;
  bool complete = true;
};
BOOST_DESCRIBE_STRUCT(Catalogue, (), (tables, remote_attaches, problems, owners, complete))

// Reads every extracts/<source>/extract.duckdb, whoever wrote it, wherever the data directory was then. A
// table's files are found by the contract's places (data/<table>.parquet, data/<table>/*.parquet), else by
// the paths that its view names, taken as inside the extract's folder; one that leads out of it is refused.
// Names that are not identifiers are refused, and remote attachments that the rules do not allow. An extract
// that is damaged, locked by a writer, or of a newer DuckDB is a problem in the answer; the others are
// served. Of a name that two sources have, the one that had it keeps it, else the first by name of source;
// the other is a problem in the answer. Throws Error only when the extracts' folder cannot be read, or the
// cache, pins or analytics database cannot be written.
Catalogue read_extracts(const ReadOptions& options);

}  // namespace agnes::extracts
