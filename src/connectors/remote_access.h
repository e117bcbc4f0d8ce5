#pragma once

#include "app/config/config.h"
#include "core/query/remote.h"
#include "core/sync/extensions.h"

namespace agnes::connectors {

// How the server reaches the engines that extracts attach: with the variable that an attachment names, or,
// for BigQuery, with a token of Google's default credentials, renewed before it ends. A query that BigQuery
// would have to read more for than data_source.bigquery.bq_max_scan_bytes is refused before it runs.
// `extensions` must outlive it.
query::RemoteAccess remote_access(const config::Config& config, const sync::Extensions& extensions);

}  // namespace agnes::connectors
