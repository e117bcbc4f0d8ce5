#include "lib/duck/attach.h"

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::duck {

void attach_read_only(Connection& connection, const std::string& file, const std::string& alias) {
  connection.execute(
      fmt::format("ATTACH {} AS {} (TYPE duckdb, READ_ONLY)", quote_literal(file), quote_identifier(alias)));
}

bool is_plain_table(std::string_view create_table) {
  // A generated column is an expression, which may call macros of its database.
  return to_lower(create_table).find("generated always") == std::string::npos;
}

void check_plain_table(Connection& connection, const std::string& alias, const std::string& table) {
  const auto sql = scalar<std::string>(connection,
                                       "SELECT sql FROM duckdb_tables() WHERE database_name = ? AND "
                                       "schema_name = 'main' AND lower(table_name) = "
                                       "lower(?) AND NOT internal",
                                       alias, table);
  if (!sql) throw Error(ErrorKind::invalid, fmt::format("there is no table '{}'", escape_control(table)));
  if (!is_plain_table(*sql))
    throw Error(ErrorKind::invalid,
                fmt::format("the table '{}' has a generated column", escape_control(table)));
}

}  // namespace agnes::duck
