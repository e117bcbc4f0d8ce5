#pragma once

#include <string>
#include <string_view>

#include "app/config/config.h"
#include "core/catalog/registry.h"

namespace agnes::connectors::bigquery {

// Google's rule for project ids, with the older "example.com:project".
bool is_project_id(std::string_view id);

// catalog::SourceKind::place: a table that is not materialized stays there (query_mode remote), and a materialized one
// that names only dataset and table has the query that reads it whole.
void place(catalog::Registration& row, const config::Config& settings);

}  // namespace agnes::connectors::bigquery
