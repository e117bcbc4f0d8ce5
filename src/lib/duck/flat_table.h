#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

// Reads FlatBuffers (https://flatbuffers.dev/internals/) that somebody else wrote: every place is checked against the buffer,
// which must live as long. Throws Error (bad_gateway).
namespace agnes::duck::flat {

[[noreturn]] inline void malformed() {
  throw Error(ErrorKind::bad_gateway, "the answer is not a well-formed Arrow stream");
}

// A vector of numbers or structs.
struct Packed {
  std::string_view bytes;
  std::size_t count = 0;
  template <class T>
  T at(std::size_t index) const {
    T value;
    if (bytes.size() / sizeof(T) <= index) malformed();
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return value;
  }
};

class Table {
 public:
  static Table root(std::string_view buffer) { return at(buffer, 0); }

  template <class T>
  T number(std::size_t slot, T otherwise) const {
    const auto place = find(slot);
    return place ? load<T>(buffer_, *place) : otherwise;
  }
  std::optional<Table> table(std::size_t slot) const {
    const auto place = find(slot);
    return place ? std::optional(at(buffer_, *place)) : std::nullopt;
  }
  std::string_view text(std::size_t slot) const { return packed(slot, 1).bytes; }
  Packed packed(std::size_t slot, std::size_t size) const {
    const auto place = find(slot);
    if (!place) return {};
    const auto start = *place + load<std::uint32_t>(buffer_, *place);
    const std::uint64_t count = load<std::uint32_t>(buffer_, start);
    if (count * size > buffer_.size() - start - 4) malformed();
    return {buffer_.substr(start + 4, count * size), count};
  }
  std::vector<Table> tables(std::size_t slot) const {
    const auto list = packed(slot, 4);
    std::vector<Table> out;
    for (std::size_t i = 0; i < list.count; ++i)
      out.push_back(at(buffer_, static_cast<std::size_t>(list.bytes.data() - buffer_.data()) + i * 4));
    return out;
  }

 private:
  Table(std::string_view buffer, std::size_t place, std::size_t fields)
      : buffer_(buffer), place_(place), fields_(fields) {}

  template <class T>
  static T load(std::string_view buffer, std::size_t place) {
    T value;
    if (place > buffer.size() || buffer.size() - place < sizeof(T)) malformed();
    std::memcpy(&value, buffer.data() + place, sizeof(T));
    return value;
  }
  // The table to which the offset at `place` points.
  static Table at(std::string_view buffer, std::size_t place) {
    place += load<std::uint32_t>(buffer, place);
    const auto back = static_cast<std::int64_t>(place) - load<std::int32_t>(buffer, place);
    if (back < 0) malformed();
    return {buffer, place, static_cast<std::size_t>(back)};
  }
  std::optional<std::size_t> find(std::size_t slot) const {
    const std::size_t entry = 4 + 2 * slot;
    if (entry + 2 > load<std::uint16_t>(buffer_, fields_)) return std::nullopt;
    const auto offset = load<std::uint16_t>(buffer_, fields_ + entry);
    return offset == 0 ? std::nullopt : std::optional(place_ + offset);
  }

  std::string_view buffer_;
  std::size_t place_, fields_;
};

}  // namespace agnes::duck::flat
