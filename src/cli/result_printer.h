#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe/enum.hpp>

#include "cli/cells.h"
#include "cli/table.h"

namespace agnes::cli {

enum class Format { table, markdown, csv, json, jsonl, parquet };
BOOST_DESCRIBE_ENUM(Format, table, markdown, csv, json, jsonl, parquet)
std::vector<std::string> format_names();
Format format_of(const std::string& name);  // one of them

// Prints results of queries, their rows as they come; each format but parquet, which DuckDB writes. Of equal names the second
// is called a_1 in JSON, so that no value is lost. CSV has a header line and is quoted as RFC 4180 says.
class ResultPrinter {
 public:
  explicit ResultPrinter(Format format) : format_(format) {}
  void begin(const std::vector<std::string>& columns);
  void add(std::vector<Row> rows);
  void end();

 private:
  void add_to_table(std::vector<Row> rows);
  void begin_table();

  Format format_;
  std::vector<std::string> columns_;
  std::size_t rows_ = 0;
  std::vector<Row> measured_;
  std::optional<TableText> table_;
};

}  // namespace agnes::cli
