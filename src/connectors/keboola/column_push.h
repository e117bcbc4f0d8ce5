#pragma once

#include "app/config/config.h"
#include "core/catalog/column_metadata.h"

namespace agnes::connectors::keboola {

// Writes what is known of columns to the project's Storage API, column by column, under the provider
// "ai-metadata-enrichment". The address and the token are those of data_source.keboola, or KBC_STACK_URL and
// KBC_STORAGE_TOKEN, which win. A stack that does not answer ends it; a column that is refused does not.
// `config` must outlive it. Thread-safe.
catalog::PushColumns column_push(const config::Config& config);

}  // namespace agnes::connectors::keboola
