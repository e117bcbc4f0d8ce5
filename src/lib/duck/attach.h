#pragma once

#include <string>
#include <string_view>

#include "lib/duck/database.h"

// Somebody else's database in an engine of ours. Its writer is not trusted: views and macros in it may read whatever the process may
// read, so only plain tables of it are ever named in a statement.
namespace agnes::duck {

// Attaches the file under the alias. Throws what DuckDB says of it.
void attach_read_only(Connection& connection, const std::string& file, const std::string& alias);
// Whether a table holds its values itself, by its "CREATE TABLE ..." as DuckDB prints it.
bool is_plain_table(std::string_view create_table);
// Throws Error (invalid) unless the attached database has a table of that name, in any case, that holds its values itself. What is
// true once is true as long as it is attached.
void check_plain_table(Connection& connection, const std::string& alias, const std::string& table);

}  // namespace agnes::duck
