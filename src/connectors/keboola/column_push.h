#pragma once

#include "app/config/config.h"
#include "core/catalog/column_metadata.h"

namespace agnes::connectors::keboola {

// Writes what is known of columns to the project's Storage API, column by column, under the provider
// "ai-metadata-enrichment". The address and the token are those of data_source.keboola, or KBC_STACK_URL and
// KBC_STORAGE_TOKEN, which win. A stack that does not answer ends it; a column that is refused does not.
catalog::PushedColumns push_columns(const config::Config& config, const catalog::Registration& table,
                                    const std::vector<catalog::ColumnMetadata>& columns);

}  // namespace agnes::connectors::keboola
