#pragma once

#include <duckdb.h>

namespace agnes::duck {

// Whether `good` says so of the type; of a nested one (LIST, ARRAY, MAP, STRUCT, UNION), of all that it is
// made of.
bool every_part(duckdb_logical_type type, bool (*good)(duckdb_type));

}  // namespace agnes::duck
