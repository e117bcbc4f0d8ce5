#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Writes FlatBuffers (https://flatbuffers.dev/internals/), as far as Arrow's messages need them: tables of
// numbers, texts, other tables, and vectors. Made as a tree of values, written in one go.
namespace agnes::duck::flat {

struct Value {
  enum class Kind { number, text, packed, list, table };
  Kind kind = Kind::number;
  std::uint64_t bits = 0;          // number
  std::size_t size = 0;            // number: bytes, 1, 2, 4 or 8; packed: how many entries
  std::string bytes;               // text; packed: the entries, little-endian
  std::vector<Value> items;        // list: tables or texts; table: the values of its fields
  std::vector<std::size_t> slots;  // table: their numbers in the schema, beside `items`
};

Value number(std::int64_t value, std::size_t size);
Value boolean(bool value);
Value text(std::string value);
// A vector of numbers or structs. They are aligned to 8 bytes.
Value packed(std::string bytes, std::size_t count);
Value list(std::vector<Value> items);
struct Field {
  std::size_t slot;
  Value value;
};
Value table(std::vector<Field> fields);

// The buffer: a multiple of 8 bytes, to be placed at a multiple of 8. `root` is a table.
std::string write(const Value& root);

}  // namespace agnes::duck::flat
