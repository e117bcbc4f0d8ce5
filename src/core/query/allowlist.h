#pragma once

#include <set>
#include <string>
#include <string_view>

// What SQL of callers may name, judged one by one from duckdb_functions() of DuckDB 1.5.6. A name that is not
// here is refused, so whatever a later version adds stays out until somebody has looked at it. Names in any
// case.
namespace agnes::query {

// Scalar functions, operators, aggregates, window functions and macros that see nothing but their arguments:
// no table, file, setting, catalog, other session, and no effect beyond their value.
bool is_harmless_function(std::string_view name);

// The same for functions in FROM.
bool is_harmless_table_function(std::string_view name);

// Functions that run SQL or read a table named in a text: refused as the reading of a table.
bool reads_by_name(std::string_view name);

// All of both lists, in lower case.
std::set<std::string> harmless_names();

}  // namespace agnes::query
