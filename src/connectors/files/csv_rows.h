#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/files/csv_text.h"
#include "lib/duck/program_table.h"

namespace agnes::connectors::files {

// The rows of CSV files as this program reads them, for what DuckDB's reader does not take: all values as texts, a cell
// without text as NULL. The files have been checked.
struct CsvRows {
  struct File {
    SourceFile file;
    std::int64_t skipped = 0;                         // lines before its header
    std::vector<std::optional<std::string>> folders;  // the values of the columns of folders, which come last
  };
  std::vector<File> files;
  std::string encoding;  // as CsvText takes it
  CsvDialect dialect;
  bool header = true;
  std::optional<std::string> null_text;
  std::size_t columns = 0;  // of the files

  std::unique_ptr<duck::RowProducer> read() const;
};

}  // namespace agnes::connectors::files
