#pragma once

#include <string>
#include <string_view>

#include "core/query/sandbox.h"
#include "lib/base/error.h"
#include "lib/base/shorten.h"

namespace agnes::query {

// DuckDB's error of a caller's statement as an Error for that caller: one line, no suggestions of names, no
// paths. `sql` is the caller's text and `run` what was run in its place.
Error caller_error(const duck::QueryError& error, std::string_view sql, std::string_view run,
                   const Sandbox& sandbox);

// The same for a text alone: one line without DuckDB's suggestions, 1,000 bytes at most.
std::string first_line(std::string_view message);

// True when DuckDB takes no further statement after this error.
bool breaks_database(const duck::QueryError& error);

// The plan of EXPLAIN without names of files: DuckDB's boxes, or its JSON.
std::string hide_files_in_plan(std::string_view plan, bool json);

}  // namespace agnes::query
