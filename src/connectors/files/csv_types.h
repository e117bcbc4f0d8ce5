#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/duck/database.h"

// Which type a column of texts gets: one that every value of the column says the same in, else VARCHAR. It
// depends on the column's own values alone. docs/files.md has the rules.
namespace agnes::connectors::files {

// SQL that is true where the text {name} says the same as a value of `type`; NULL or false where it does not.
// `name` is a quoted identifier, `type` one that `decide_type` gives.
std::string fits_sql(const std::string& name, std::string_view type);

// The same for a type that an operator has set, in DuckDB's spelling: more ways to write a value are taken,
// none that would be rounded or changed.
std::string fits_set_type_sql(const std::string& name, std::string_view type);

// SQL of the aggregates that `decide_type` needs for one column, each preceded by ", ".
std::string facts_sql(const std::string& name);
// How many columns of the answer these are.
std::size_t facts_count();
// The type for these aggregates, which stand in `row` from `at` on; VARCHAR for a column without a value.
std::string decide_type(const std::vector<duck::Value>& row, std::size_t at);

}  // namespace agnes::connectors::files
