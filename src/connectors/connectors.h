#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "sync/connector.h"

namespace agnes::connectors {

// The names that data_source.type and routes have for the sources there are: "files", "keboola", ...
std::vector<std::string_view> sources();

// The connector of a source, as the configuration sets it up; "local" and "csv" are "files". Null for a name
// that no source has.
std::unique_ptr<sync::Connector> make(std::string_view source, const config::Config& config);

// Those that a sync asks: the configuration's own source first, then those whose registered tables are
// brought beside it.
std::vector<std::unique_ptr<sync::Connector>> for_sync(const config::Config& config);

}  // namespace agnes::connectors
