#pragma once

#include <cstdint>
#include <string>

#include "connectors/bigquery/bigquery_api.h"
#include "connectors/staged.h"

namespace agnes::connectors::bigquery {

struct QueryLimits {
  std::int64_t max_bytes = 0;               // that it may read, and so cost; 0: any number
  std::chrono::milliseconds time_limit{0};  // of the query in BigQuery; 0: none but fetching.ends
  std::string location;                     // where it runs; empty: BigQuery finds that out
};

// How many bytes a SELECT would read, by a dry run, which costs nothing. Throws Error: what Api throws
// (Refused for SQL that does not parse), invalid for another kind of statement.
std::int64_t dry_run(Api& api, const std::string& sql, const QueryLimits& limits);

// Runs a SELECT in BigQuery's dialect, in the project that is billed, and brings its rows into a file below
// fetching.scratch; answers the SELECT in DuckDB's dialect that reads them. A dry run says first what it
// would read: over the limit, or no SELECT, and it does not run; BigQuery itself is told the limit too. A
// query that nobody waits for any more is cancelled there. Throws Error in BigQuery's words, as Api does;
// invalid for what may not run.
std::string fetch_query(Api& api, const std::string& sql, const QueryLimits& limits,
                        const Fetching& fetching);

}  // namespace agnes::connectors::bigquery
