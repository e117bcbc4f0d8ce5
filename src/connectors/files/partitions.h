#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/files/read.h"

namespace agnes::connectors::files {

// The columns that folders give: for .../year=2024/m=01/x.csv, `year` and `m`. The same rules hold for every format.
struct Partitions {
  // A BIGINT or a DATE where every value is written as that type writes it, else a text: zip=00501 stays as it is.
  std::vector<extracts::Column> columns;
  // By file. `__HIVE_DEFAULT_PARTITION__` is nothing; percent encoding is undone.
  std::vector<std::vector<std::optional<std::string>>> values;

  // Whether DuckDB's readers take a value for NULL that is the text NULL, of one file or of any.
  bool reads_as_null(std::size_t file, std::size_t column) const;
  bool read_as_null() const;

  // Options of DuckDB's readers that give these columns.
  std::string options() const;
};

// None unless all files lie in such folders. Throws SourceError where they lie in folders of other names, or some
// in none.
Partitions find_partitions(duck::Connection& connection, const std::vector<SourceFile>& files);

// Throws SourceError where a column of the file has the name of one of its folders, which would overwrite it.
void refuse_hidden(const Partitions& partitions, const SourceFile& file,
                   const std::vector<std::string>& columns);

}  // namespace agnes::connectors::files
