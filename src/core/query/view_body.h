#pragma once

#include <string>
#include <string_view>

namespace agnes::query {

// What a view selects from, for a FROM clause: "(SELECT ...)", with the view's names of columns where it
// gives them. `create_view` is an untrusted "CREATE VIEW name AS SELECT ...;" as DuckDB prints it. Throws
// Error (bad_gateway) for what is not one such statement, so that whatever it says, it stays inside the
// parentheses.
std::string view_body(std::string_view create_view);

}  // namespace agnes::query
