#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/keboola/storage.h"
#include "connectors/staged.h"
#include "lib/base/time.h"

namespace agnes::connectors::keboola {

// "in.c-crm.orders": the table of a registration, which names its bucket apart or in the table's id.
std::string table_id_of(const catalog::Registration& row);

// One condition; a row must meet all. Of several values one must match (eq), or none (ne).
struct WhereFilter {
  std::string column;
  std::string op = "eq";  // eq, ne, gt, ge, lt, le
  std::vector<std::string> values;
};

// What of a table is exported.
struct ExportRequest {
  std::string table_id;
  std::vector<WhereFilter> filters;
  std::vector<std::string> columns;                         // empty: all
  std::optional<std::string> changed_since, changed_until;  // as Keboola takes them: a time, "-2 days"
  std::optional<std::int64_t> limit;
  bool csv = false;  // else Parquet
};

// For a materialized table from its source_query, a JSON object {where_filters, columns, changed_since,
// changed_until, limit, file_type} (none: the whole table), else from its where_filters. In values of filters
// {{today}}, {{last_week}}, {{last_month}}, {{last_2_months}}, {{last_3_months}}, {{last_6_months}}, {{last_year}},
// {{last_2_years}} and {{start_of_3_months_ago}} stand for dates (7, 30, 60, 90, 180, 365, 730 days ago). Throws Error (invalid)
// naming what is none of this.
ExportRequest export_of(const catalog::Registration& row, Timestamp today);

// The form of POST /v2/storage/tables/{id}/export-async.
http_client::Params form_of(const ExportRequest& wanted);

// Has Keboola export the table, waits for that, and brings its files (one, or the slices of a manifest) below
// fetching.scratch; answers the SELECT that reads them. CSV has texts only. Throws Error as Storage does,
// with no signed address in the message.
std::string fetch_table(const Storage& storage, const ExportRequest& wanted, const Fetching& fetching);

}  // namespace agnes::connectors::keboola
