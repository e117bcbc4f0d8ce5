#pragma once

#include <string>
#include <vector>

#include "lib/duck/database.h"

namespace agnes::duck {

// The SELECT with columns cast that Parquet would hold changed, also inside lists and structs: HUGEINT and UHUGEINT are
// DECIMAL(38,0) there and fail where they have more digits, TIME WITH TIME ZONE is a text with its offset; an INTERVAL with
// microseconds and a TIME of 24:00:00 fail. `described` is what DESCRIBE says of the SELECT.
std::string storable_select(const std::string& select, const std::vector<std::vector<Value>>& described);
std::string storable_select(Connection& connection, const std::string& select);

}  // namespace agnes::duck
