#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/duck/database.h"

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

struct ResultTable {
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
  bool more = false;  // the limit cut it
};

// Reads at most `limit` rows; whether there are more is found out, but they are not read.
ResultTable read_result(duck::Result& result, std::int64_t limit);
// The contract's {"columns": [...], "rows": [[...]], "truncated": ...}; numbers keep all their digits.
// Throws Error (bad_gateway) for anything else.
ResultTable read_remote_result(std::string_view body);
// The same of a table's sample: {"rows": [{"column": value}], ...}.
ResultTable read_remote_sample(std::string_view body);

// Of equal names the second is called a_1, so that no value is lost.
std::string to_json(const ResultTable& table);
// With a header line; fields with commas, quotes or line breaks are quoted (RFC 4180).
std::string to_csv(const ResultTable& table);

}  // namespace agnes::cli
