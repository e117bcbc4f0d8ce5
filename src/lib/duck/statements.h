#pragma once

#include <string>

#include "lib/duck/database.h"

namespace agnes::duck {

// The statements that DuckDB makes of one text; a PIVOT is several. Each is prepared when it is run, as it may need what
// those before it made.
class Statements {
 public:
  // Throws QueryError for what is no SQL, and for a text without a statement.
  Statements(Connection& connection, const std::string& sql);
  ~Statements();
  Statements(const Statements&) = delete;
  Statements& operator=(const Statements&) = delete;

  std::size_t count() const { return count_; }
  // `only`: throws Error (bad_request) before it runs one of another type. Streaming as in Connection::stream.
  Result run(std::size_t index, bool streaming, duckdb_statement_type only = DUCKDB_STATEMENT_TYPE_INVALID);

 private:
  Connection& connection_;
  duckdb_extracted_statements handle_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace agnes::duck
