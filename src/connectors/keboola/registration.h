#pragma once

#include <boost/json/object.hpp>

#include "app/config/config.h"
#include "core/catalog/registry.h"

namespace agnes::connectors::keboola {

// catalog::SourceKind::place: without a query, a table has its id, or its bucket and its name.
void place(catalog::Registration& row, const config::Config& settings);

// catalog::SourceKind::verify: asks Keboola who the token is.
void verify(const boost::json::object& settings);

}  // namespace agnes::connectors::keboola
