#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// A part of one table that somebody wants for themselves: /api/v2/scan.
namespace agnes::contract {

struct ScanRequest {
  std::string table_id;                              // id or name
  std::optional<std::vector<std::string>> select;    // columns; all when there are none
  std::optional<std::string> where;                  // a predicate: conditions on the columns
  std::optional<std::int64_t> limit;                 // rows, 1 or more
  std::optional<std::vector<std::string>> order_by;  // "column", "column ASC" or "column DESC"
  static constexpr json::Rule rules[] = {{.field = "limit", .ge = 1}};
};
BOOST_DESCRIBE_STRUCT(ScanRequest, (), (table_id, select, where, limit, order_by))

struct ScanEstimate {
  std::string table_id;
  std::int64_t estimated_scan_bytes = 0;
  std::optional<std::int64_t> estimated_result_rows, estimated_result_bytes;
  double bq_cost_estimate_usd = 0;
};
BOOST_DESCRIBE_STRUCT(ScanEstimate, (),
                      (table_id, estimated_scan_bytes, estimated_result_rows, estimated_result_bytes,
                       bq_cost_estimate_usd))

}  // namespace agnes::contract
