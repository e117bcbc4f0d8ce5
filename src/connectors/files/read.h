#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/files/scan.h"
#include "connectors/files/source_error.h"
#include "lib/duck/database.h"

namespace agnes::connectors::files {

// Lists, structs and maps in each other that a column may have.
constexpr int kMaxNesting = 12;

// How to read one candidate's files as rows. Its functions throw SourceError for what is wrong with the
// files, and duck::QueryError for what is not their fault (memory, disk).
class TableReader {
 public:
  virtual ~TableReader() = default;
  // The SELECT that gives the table's rows, columns and types.
  virtual std::string select() = 0;
  // Called when that SELECT failed half way: true when `select` gives a better one now, else throws what was
  // wrong.
  virtual bool reconsider(const duck::QueryError& error) = 0;
  // What somebody should know who may have meant it otherwise: one line with the file, or "".
  virtual std::string note() const { return ""; }
};

// Looks at the files as far as is needed to know their columns; with `quick`, at their first rows only. The
// candidate and the connection must live as long as the reader.
std::unique_ptr<TableReader> open_table(duck::Connection& connection, const Candidate& candidate,
                                        bool quick = false);

// Parts of the readers.
std::unique_ptr<TableReader> open_csv(duck::Connection& connection, const Candidate& candidate, bool quick);
std::unique_ptr<TableReader> open_json(duck::Connection& connection, const Candidate& candidate, bool quick);
std::unique_ptr<TableReader> open_parquet(duck::Connection& connection, const Candidate& candidate,
                                          bool quick);

// Memory, the disk that is written to, an interrupt: another try may do better with the same files.
bool not_the_files_fault(const duck::QueryError& error);
// An engine that has said this answers nothing any more.
bool is_engine_failure(const duck::QueryError& error);
// These files are to blame for it.
SourceError broke_engine(const Candidate& candidate, const duck::QueryError& error);
// What DuckDB said, with the files' names as people know them.
std::string without_paths(const Candidate& candidate, std::string message);
// ['/a/b.csv', ...] as DuckDB's readers take it.
std::string path_list(const Candidate& candidate);
std::string quoted_path(const SourceFile& file);
// Throws SourceError: what the configuration says under tables.TABLE.{setting} cannot be.
[[noreturn]] void wrong_setting(const Candidate& candidate, std::string_view setting,
                                const std::string& what);
// The type that the configuration sets for a column, as DuckDB writes it. Names are alike in any case.
std::optional<std::string> set_type(duck::Connection& connection, const Candidate& candidate,
                                    const std::string& column);
// The columns that the configuration gives types must be there.
void check_overrides(const Candidate& candidate, const std::vector<extracts::Column>& columns);

}  // namespace agnes::connectors::files
