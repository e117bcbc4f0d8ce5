#pragma once

#include <string>
#include <vector>

#include "lib/base/json.h"

// Statements that the server runs: /api/query, /api/query/hybrid.
namespace agnes::contract {

struct Query {
  std::string sql;
  std::int64_t limit = 1000;
  static constexpr json::Rule rules[] = {{.field = "limit", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(Query, (), (sql, limit))

struct QueryAnswer {
  std::vector<std::string> columns;
  std::vector<boost::json::array> rows;
  std::int64_t row_count = 0;
  bool truncated = false;
  static constexpr json::Rule rules[] = {
      {.field = "rows", .description = "The values of each row in the order of the columns"}};
};
BOOST_DESCRIBE_STRUCT(QueryAnswer, (), (columns, rows, row_count, truncated))

}  // namespace agnes::contract
