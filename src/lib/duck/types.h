#pragma once

#include <string>
#include <utility>
#include <vector>

#include <duckdb.h>

#include "lib/duck/database.h"

namespace agnes::duck {

// A type taken apart: what reading its values needs.
struct Type {
  explicit Type(duckdb_logical_type logical);  // which stays the caller's

  // Whether `good` says so of it; of a nested one (LIST, ARRAY, MAP, STRUCT, UNION), of all that it is made of.
  bool every_part(bool (*good)(duckdb_type)) const;

  duckdb_type id;
  duckdb_type stored = DUCKDB_TYPE_INVALID;  // the whole numbers that a DECIMAL or an ENUM is kept as
  unsigned scale = 0;                        // of a DECIMAL
  idx_t length = 0;                          // of an ARRAY
  std::vector<Type> children;                // elements; keys and values; members
  std::vector<std::string> names;            // of the members of a STRUCT or UNION, of the values of an ENUM
};

// A type as DuckDB's C API hands it over, let go of at the end.
class LogicalType {
 public:
  explicit LogicalType(duckdb_logical_type handle) : handle_(handle) {}
  LogicalType(LogicalType&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~LogicalType();
  duckdb_logical_type get() const { return handle_; }

 private:
  duckdb_logical_type handle_;
};

// Types of single values that every answer has a form for, in JSON as in Arrow.
bool is_common(duckdb_type type);

// Of a column of the result.
Type column_type(Result& result, std::size_t column);

}  // namespace agnes::duck
