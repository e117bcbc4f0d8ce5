#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Thrift's compact protocol, in which Parquet writes its footer and the headers of its pages. Numbers, names and
// lengths come from files of anybody: a reader takes nothing on trust and throws Malformed.
namespace agnes::connectors::files::thrift {

struct Malformed {};

enum class Type : std::uint8_t {
  stop = 0,
  yes = 1,  // a boolean that is a field has its value as its type
  no = 2,
  byte = 3,
  i16 = 4,
  i32 = 5,
  i64 = 6,
  number = 7,  // a double
  binary = 8,
  list = 9,
  set = 10,
  map = 11,
  structure = 12,
};

// A value of any type, for what is to be changed and written again.
struct Value {
  Type type = Type::structure;
  std::int64_t whole = 0;                     // byte, i16, i32, i64; of a boolean in a list
  std::string bytes;                          // binary; the eight bytes of a double
  Type element = Type::stop;                  // of a list
  std::vector<Value> items;                   // of a list
  std::vector<std::pair<int, Value>> fields;  // of a structure, in order of their ids

  const Value* find(int id) const;
  std::int64_t whole_of(int id, std::int64_t otherwise) const;
  void set(int id, Value value);
  void erase(int id);
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  // Calls `take(id, type)` for each field of a structure; it must read or skip the field's value.
  template <class Take>
  void fields(Take&& take) {
    int id = 0;
    for (;;) {
      const auto [next, type] = field(id);
      if (type == Type::stop) return;
      id = next;
      take(id, type);
    }
  }
  // The type and number of a list's elements.
  std::pair<Type, std::size_t> list();
  std::int64_t whole();
  std::string_view binary();
  Value value(Type type, int depth = 0);
  void skip(Type type, int depth = 0);
  std::size_t at() const { return at_; }

 private:
  std::pair<int, Type> field(int before);
  std::uint8_t byte();
  std::uint64_t varint();
  std::string_view take(std::uint64_t count);

  std::string_view bytes_;
  std::size_t at_ = 0;
};

std::string write(const Value& value);
std::string write_list_header(Type element, std::size_t count);

}  // namespace agnes::connectors::files::thrift
