#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/duck/types.h"

namespace agnes::duck {

// Writes a result as an Arrow IPC stream, which every Arrow library reads
// (https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc):
// first `schema`, then `batch` of each chunk, then `end`. A stream without its end was cut.
//
// DuckDB itself makes Arrow's arrays; these are its types: whole numbers and floats as they are, HUGEINT a
// decimal(38, 0), DECIMAL a decimal128, texts, JSON and UUID utf8, BLOB binary, BOOLEAN bool, DATE date32,
// TIME time64[us or ns], TIMESTAMP timestamp in its unit, with time zone in UTC, INTERVAL
// month_day_nano, ENUM a dictionary of utf8, LIST list, ARRAY fixed_size_list, STRUCT struct, MAP map, UNION
// sparse_union, the type of NULL null.
class ArrowStream {
 public:
  // Of the result's columns, under these names. The result must live as long. Throws Error (internal) when
  // DuckDB has no Arrow form for a column; `carries` says so beforehand.
  ArrowStream(Result& result, const std::vector<std::string>& names);
  ~ArrowStream();

  std::string schema() const;
  // Appends the chunk to `out`. Throws Error when DuckDB cannot convert it.
  void batch(const Chunk& chunk, std::string& out);
  static std::string end();

  // False for types that Arrow would not hold whole (UHUGEINT, TIME WITH TIME ZONE) or that have no form that
  // other programs read (BIT, GEOMETRY, VARIANT, ...): cast them to VARCHAR first.
  static bool carries(const Type& type);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agnes::duck
