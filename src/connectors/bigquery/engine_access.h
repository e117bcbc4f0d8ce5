#pragma once

#include "app/config/config.h"
#include "connectors/remote_access.h"

namespace agnes::connectors::bigquery {

// DuckDB's extension of this engine.
inline constexpr std::string_view kExtension = "bigquery";
// Names a key file; what it is good for is a token of the account.
inline constexpr std::string_view kKeyFile = "GOOGLE_APPLICATION_CREDENTIALS";

// With a token of Google's default credentials, renewed before it ends. A query that BigQuery would have to read more
// for than data_source.bigquery.bq_max_scan_bytes is refused before it runs.
EngineAccess engine_access(const config::Config& config);

}  // namespace agnes::connectors::bigquery
