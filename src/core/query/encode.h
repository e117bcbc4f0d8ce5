#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/duck/types.h"

namespace agnes::query {

// Writes a DuckDB result as the answer of POST /api/query:
//   {"columns":["id","at"],"rows":[[1,"2026-01-02 03:04:05"]],"row_count":1,"truncated":false}
//
// Whole numbers of every width are JSON numbers; DECIMAL is a text, so that no digit is lost; infinite and
// NaN floats are null. Dates and times are texts: 2026-01-02, 03:04:05.678901, "2026-01-02 03:04:05", with
// "+00:00" behind one that has a time zone; fractions have six digits, or nine where there are nanoseconds.
// INTERVAL, BLOB, BIT, UUID and ENUM are DuckDB's text of them; JSON is its text. LIST and ARRAY are arrays,
// STRUCT and MAP objects (a MAP's keys as texts), UNION is its member's value.
class JsonRows {
 public:
  // `objects`: the rows alone, each an object by column: [{"id":1,"at":"2026-01-02 03:04:05"}]. Names must differ.
  enum class Shape { answer, objects };
  // Of the result's columns, under these names. Throws Error (bad_request) when a column's type is none of
  // the above; `readable` says so beforehand.
  JsonRows(duck::Result& result, const std::vector<std::string>& names, Shape shape = Shape::answer);
  ~JsonRows();

  // Adds the chunk's first `count` rows; false when the answer grows over `max_bytes` on the way.
  bool add(const duck::Chunk& chunk, std::size_t count, std::uint64_t max_bytes);
  std::int64_t rows() const { return rows_; }
  // The whole answer; call once.
  std::string finish(bool truncated);

  // False for types that must be cast to VARCHAR in SQL first (GEOMETRY, VARIANT, BIGNUM and what a later
  // version adds).
  static bool readable(const duck::Type& type);

 private:
  struct Column;
  Shape shape_;
  std::vector<std::string> keys_;  // "id": of Shape::objects
  std::vector<std::unique_ptr<Column>> columns_;
  std::string out_;
  std::int64_t rows_ = 0;
};

}  // namespace agnes::query
