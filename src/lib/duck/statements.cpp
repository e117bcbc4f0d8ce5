#include "lib/duck/statements.h"

namespace agnes::duck {

Statements::Statements(Connection& connection, const std::string& sql) : connection_(connection) {
  count_ = api().extract_statements(connection.handle(), sql.c_str(), &handle_);
  if (count_ > 0) return;
  const char* said = api().extract_statements_error(handle_);
  const std::string message = said != nullptr ? said : "no statement";
  api().destroy_extracted(&handle_);
  throw QueryError(DUCKDB_ERROR_PARSER, message);
}
Statements::~Statements() {
  api().destroy_extracted(&handle_);
}

Result Statements::run(std::size_t index, bool streaming, duckdb_statement_type only) {
  duckdb_prepared_statement statement = nullptr;
  struct Guard {
    duckdb_prepared_statement& statement;
    ~Guard() { api().destroy_prepare(&statement); }
  } guard{statement};
  if (api().prepare_extracted_statement(connection_.handle(), handle_, index, &statement) == DuckDBError) {
    const char* said = statement != nullptr ? api().prepare_error(statement) : nullptr;
    throw QueryError(DUCKDB_ERROR_BINDER, said != nullptr ? said : "the statement cannot be prepared");
  }
  if (only != DUCKDB_STATEMENT_TYPE_INVALID && api().prepared_statement_type(statement) != only)
    throw Error(ErrorKind::bad_request, "Only statements that read can be run here.");
  duckdb_result raw{};
  const auto state =
      streaming ? api().execute_prepared_streaming(statement, &raw) : api().execute_prepared(statement, &raw);
  Result result(raw);
  if (state == DuckDBError)
    throw QueryError(api().result_error_type(result.handle()), api().result_error(result.handle()));
  return result;
}

}  // namespace agnes::duck
