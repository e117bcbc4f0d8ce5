#pragma once

#include "connectors/files/json_types.h"
#include "lib/duck/program_table.h"

namespace agnes::connectors::files {

// The type of the column that holds a plan's values before they are cast to its type: what is neither a truth value nor
// a number of the machine is text.
duck::ProgramType raw_type(const JsonPlan& plan);

// Writes the values of one place into a vector of DuckDB. Not for two threads.
class JsonVector {
 public:
  explicit JsonVector(const JsonPlan& plan);

  // Takes the vector of a new chunk: all its values are NULL from here on.
  void begin(duckdb_vector vector, std::size_t rows);
  // Writes a value of the current row. Throws SourceError where it is not of the plan's kind: the file has changed
  // since it was looked at.
  void write(std::size_t row, const JsonRows& rows, std::size_t token);
  // Call once all is written.
  void end();

 private:
  void take(duckdb_vector vector, std::size_t from, std::size_t to);
  void grow(std::size_t rows);
  void set_valid(std::size_t row) { validity_[row / 64] |= std::uint64_t{1} << (row % 64); }
  void set_text(std::size_t row, std::string_view text);
  void write_text(std::size_t row, const JsonRows& rows, const JsonToken& value);
  void write_structure(std::size_t row, const JsonRows& rows, std::size_t token);
  void write_list(std::size_t row, const JsonRows& rows, std::size_t token);
  void write_map(std::size_t row, const JsonRows& rows, std::size_t token);
  bool has_elements() const { return as_ == JsonAs::list || as_ == JsonAs::map; }
  std::size_t add_elements(std::size_t row, std::size_t count);

  JsonAs as_;
  KeyList keys_;
  std::vector<JsonVector> children_;
  duckdb_vector vector_ = nullptr;
  void* data_ = nullptr;
  std::uint64_t* validity_ = nullptr;
  std::size_t elements_ = 0, room_ = 0;  // of the child of a list or map
  std::string space_;
};

}  // namespace agnes::connectors::files
