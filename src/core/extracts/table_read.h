#pragma once

#include <string>
#include <vector>

#include "core/extracts/extract.h"

namespace agnes::extracts {

// A look into one table's rows.
struct SampleRequest {
  std::vector<std::string> files;  // Parquet
  bool union_by_name = false;
  std::string attach_file;  // instead of files: the DuckDB database that holds `table`
  std::string table;
  std::int64_t rows = 5;  // 1 to 10,000
  bool distinct = false;  // no row twice
  static constexpr json::Rule rules[] = {{.field = "rows", .has_default = true, .ge = 1, .le = 10'000},
                                         {.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(SampleRequest, (), (files, union_by_name, attach_file, table, rows, distinct))

struct Sample {
  std::vector<Column> columns;
  // One object a row, by column; values as DuckDB writes them in JSON (dates and times as text).
  boost::json::array rows;
};
BOOST_DESCRIBE_STRUCT(Sample, (), (columns, rows))

// The rows of a SELECT as objects; nan and inf are null.
boost::json::array json_rows(duck::Connection& connection, const std::string& select);
Sample read_sample(const SampleRequest& request);
std::vector<Column> read_columns(const SampleRequest& request);

}  // namespace agnes::extracts
