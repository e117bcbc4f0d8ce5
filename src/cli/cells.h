#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "lib/duck/database.h"
#include "lib/duck/types.h"

// Results of queries as the program prints them, whether DuckDB gave them here or a server sent them as JSON.
namespace agnes::cli {

struct Cell {
  enum class Kind {
    null,
    boolean,  // text: true, false
    number,   // text: a JSON number, inf or nan
    decimal,  // text: digits; a string in JSON, so that none are lost
    text,     // text: as it is
    nested,   // text: JSON of a list, struct or map
  };
  Kind kind = Kind::null;
  std::string text;
};

// As JSON; null for what JSON does not have, infinity say.
boost::json::value json_value(const Cell& cell);

using Row = std::vector<Cell>;
// An object of the row's values by their columns.
boost::json::object json_object(const std::vector<std::string>& columns, const Row& row);

struct ResultTable {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  bool more = false;  // a limit cut it
};

// Reads a result of DuckDB, chunk by chunk.
class ResultReader {
 public:
  explicit ResultReader(duck::Result& result);
  const std::vector<std::string>& columns() const { return columns_; }
  std::vector<Row> next();  // none at the end

 private:
  duck::Result& result_;
  std::vector<std::string> columns_;
  std::vector<duck::Type> types_;
};

// The contract's {"columns": [...], "rows": [[...]], "truncated": ...}; numbers keep all their digits.
// Throws Error (bad_gateway) for anything else.
ResultTable read_remote_result(std::string_view body);
// The same of a table's sample: {"rows": [{"column": value}], ...}.
ResultTable read_remote_sample(std::string_view body);

}  // namespace agnes::cli
