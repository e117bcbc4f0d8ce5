#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/files/values.h"
#include "lib/duck/database.h"

// The rules of values.h in SQL: functions of ours that DuckDB calls for 2,048 texts at a time.
namespace agnes::connectors::files {

// To be called once for each engine.
void register_value_functions(duck::Connection& connection);

// SQL of the value of the text `name` (an expression) in a type that `type_of_all` gives; NULL for an empty one. A text
// that the type does not hold ends the statement: `unfit_value` tells of it. For VARCHAR this is any text.
std::string value_sql(const std::string& name, std::string_view type, std::size_t column);
// Of a column in which no text has been seen yet.
std::string empty_sql(const std::string& name, std::size_t column);
// SQL that is true where a type that an operator has set holds the text.
std::string fits_set_type_sql(const std::string& name, const std::string& type);
// SQL of the same for a type that an operator has set.
std::string set_type_sql(const std::string& name, const std::string& type, std::size_t column);

// SQL of the text `name` in the usual form (`plain_text`).
std::string plain_sql(const std::string& name, const TextForms& forms);

struct UnfitValue {
  std::size_t column = 0;
  std::string text;  // up to its first NUL
};
// SQL that ends the statement because of the text `name`.
std::string unfit_sql(const std::string& name, std::size_t column);
std::optional<UnfitValue> unfit_value(const duck::QueryError& error);

}  // namespace agnes::connectors::files
