#include "lib/duck/arrow_reader.h"

#include "lib/duck/arrow_format.h"
#include "lib/duck/flat_table.h"

namespace agnes::duck {

std::uint64_t read_arrow(Connection& connection, const std::string& name, const ReadBytes& read,
                         const std::string& statement) {
  ArrowInput input(read);
  ArrowArrayStream handle{};
  input.connect(handle);
  if (api().arrow_scan(connection.handle(), name.c_str(), reinterpret_cast<duckdb_arrow_stream>(&handle)) !=
      DuckDBSuccess)
    throw Error(ErrorKind::bad_gateway, "DuckDB cannot read the answer's Arrow stream");
  try {
    connection.execute(statement);
  } catch (const Error&) {
    if (input.problem()) std::rethrow_exception(input.problem());
    throw;
  }
  if (!input.ended()) flat::malformed();
  return input.rows();
}

}  // namespace agnes::duck
