#pragma once

#include <memory>

#include "config/config.h"
#include "sync/connector.h"

namespace agnes::connectors {

// The connector that the configuration asks for; null for a source that this version cannot extract from.
std::unique_ptr<sync::Connector> make(const config::Config& config);

}  // namespace agnes::connectors
