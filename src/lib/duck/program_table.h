#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/duck/database.h"

namespace agnes::duck {

// The type of a column of a ProgramTable: one without parameters, a LIST of its one child, a STRUCT of its children, or a
// MAP of its one child, a STRUCT of key and value: its vector is a list of these.
// Names must not be empty, hold a NUL, or be equal in any case.
struct ProgramType {
  duckdb_type id = DUCKDB_TYPE_VARCHAR;
  std::vector<ProgramType> children;
  std::vector<std::string> names;
};

// One reading of a ProgramTable, by one thread at a time, from beginning to end.
class RowProducer {
 public:
  virtual ~RowProducer() = default;
  // Fills the chunk, which is empty and has room for `duckdb_vector_size()` rows, and gives their number; 0 is the end.
  // What it throws is the statement's error.
  virtual std::size_t fill(duckdb_data_chunk chunk) = 0;
};

// Writes a text, or NULL, into a column of the chunk that is being filled.
void put_text(duckdb_vector column, std::size_t row, std::optional<std::string_view> text);

// Rows that the program makes itself, for statements: SELECT ... FROM name().
struct ProgramTable {
  std::vector<std::pair<std::string, ProgramType>> columns;
  std::function<std::unique_ptr<RowProducer>()> read;  // from any thread
};

// Makes the table known to all connections of the database, for as long as it is open. `name` must be new.
void register_table(Connection& connection, const std::string& name, ProgramTable table);

}  // namespace agnes::duck
