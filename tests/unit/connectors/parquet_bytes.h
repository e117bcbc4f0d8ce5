#pragma once

#include <optional>
#include <string>
#include <vector>

#include <zlib.h>

#include "connectors/files/thrift.h"

// Parquet files put together byte by byte, for what DuckDB does not write.
namespace agnes::connectors::files {

using thrift::Value;
using Fields = std::vector<std::pair<int, Value>>;

inline Value i32(std::int64_t value) {
  Value out;
  out.type = thrift::Type::i32;
  out.whole = value;
  return out;
}
inline Value i64(std::int64_t value) {
  Value out = i32(value);
  out.type = thrift::Type::i64;
  return out;
}
inline Value yes_or_no(bool value) {
  Value out;
  out.type = value ? thrift::Type::yes : thrift::Type::no;
  return out;
}
inline Value text(std::string bytes) {
  Value out;
  out.type = thrift::Type::binary;
  out.bytes = std::move(bytes);
  return out;
}
inline Value list(thrift::Type element, std::vector<Value> items) {
  Value out;
  out.type = thrift::Type::list;
  out.element = element;
  out.items = std::move(items);
  return out;
}
inline Value structure(Fields fields) {
  Value out;
  out.fields = std::move(fields);
  return out;
}

enum Physical { kInt32 = 1, kInt64 = 2, kInt96 = 3, kFloat = 4, kDouble = 5, kByteArray = 6, kFixed = 7 };
enum Repetition { kRequired = 0, kOptional = 1, kRepeated = 2 };
enum Unit { kMillis = 1, kMicros = 2, kNanos = 3 };

inline Value timestamp_type(bool utc, Unit unit) {
  return structure({{8, structure({{1, yes_or_no(utc)}, {2, structure({{unit, structure({})}})}})}});
}
inline Value time_type(Unit unit) {
  return structure({{7, structure({{1, yes_or_no(false)}, {2, structure({{unit, structure({})}})}})}});
}
inline Value decimal_type(int digits, int scale) {
  return structure({{5, structure({{1, i32(scale)}, {2, i32(digits)}})}});
}
inline Value variant_type() {
  return structure({{16, structure({})}});
}
inline Value text_type() {
  return structure({{1, structure({})}});
}
inline Value list_type() {
  return structure({{3, structure({})}});
}

template <class T>
std::string plain(std::vector<T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}
inline std::string plain_texts(const std::vector<std::string>& values) {
  std::string out;
  for (const auto& value : values)
    out += plain<std::uint32_t>({static_cast<std::uint32_t>(value.size())}) + value;
  return out;
}
// Nanoseconds since midnight and the Julian day.
inline std::string plain_int96(std::int64_t nanos, std::int32_t day) {
  return plain<std::int64_t>({nanos}) + plain<std::int32_t>({day});
}
// Repetition or definition levels of 0 or 1, as one run of up to 56 packed bits.
inline std::string levels(const std::vector<int>& values) {
  std::string bits(1, static_cast<char>(((values.size() + 7) / 8) << 1 | 1));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 8 == 0) bits += '\0';
    bits.back() = static_cast<char>(bits.back() | values[i] << (i % 8));
  }
  return plain<std::uint32_t>({static_cast<std::uint32_t>(bits.size())}) + bits;
}

class ParquetBytes {
 public:
  explicit ParquetBytes(int rows) : rows_(rows) {}

  // A group of the next `children` elements.
  ParquetBytes& group(const std::string& name, int children, Repetition repetition = kRequired,
                      std::optional<Value> logical = {}) {
    auto element = structure({{3, i32(repetition)}, {4, text(name)}, {5, i32(children)}});
    if (logical) element.set(10, *logical);
    elements_.push_back(element);
    if (inner_ > 0)
      --inner_;
    else
      ++columns_;
    inner_ += children;
    return *this;
  }
  // A column, or a member of the group before it, with one page of `values` values.
  ParquetBytes& leaf(const std::string& name, Physical type, const std::string& page,
                     std::optional<Value> logical = {}, int length = 0, Repetition repetition = kRequired,
                     int values = -1) {
    auto element = structure({{1, i32(type)}, {3, i32(repetition)}, {4, text(name)}});
    if (length > 0) element.set(2, i32(length));
    if (logical) element.set(10, *logical);
    elements_.push_back(element);
    if (inner_ > 0)
      --inner_;
    else
      ++columns_;
    leaves_.push_back({name, type, page, values < 0 ? rows_ : values});
    return *this;
  }
  ParquetBytes& with_empty_group() {
    empty_group_ = true;
    return *this;
  }
  ParquetBytes& with_statistics() {
    statistics_ = true;
    return *this;
  }
  ParquetBytes& with_empty_lists() {
    empty_lists_ = true;
    return *this;
  }
  ParquetBytes& with_checksums() {
    checksums_ = true;
    return *this;
  }

  // What is only said: the pages stay as they are.
  ParquetBytes& with_codec(int codec) {
    codec_ = codec;
    return *this;
  }
  ParquetBytes& with_encoding(int encoding) {
    encoding_ = encoding;
    return *this;
  }
  ParquetBytes& with_encrypted_columns() {
    encrypted_ = true;
    return *this;
  }

  std::string bytes() const {
    std::string out = "PAR1";
    std::vector<Value> chunks;
    for (const auto& leaf : leaves_) {
      const auto size = static_cast<std::int64_t>(leaf.page.size());
      auto header =
          structure({{1, i32(0)},
                     {2, i32(size)},
                     {3, i32(size)},
                     {5, structure({{1, i32(leaf.values)}, {2, i32(0)}, {3, i32(3)}, {4, i32(3)}})}});
      if (checksums_)
        header.set(
            4,
            i32(static_cast<std::int32_t>(::crc32(0, reinterpret_cast<const unsigned char*>(leaf.page.data()),
                                                  static_cast<unsigned>(size)))));
      const auto offset = static_cast<std::int64_t>(out.size());
      out += thrift::write(header) + leaf.page;
      const auto length = static_cast<std::int64_t>(out.size()) - offset;
      auto meta = structure({{1, i32(leaf.type)},
                             {2, list(thrift::Type::i32, {i32(encoding_), i32(3)})},
                             {3, list(thrift::Type::binary, {text(leaf.name)})},
                             {4, i32(codec_)},
                             {5, i64(leaf.values)},
                             {6, i64(length)},
                             {7, i64(length)},
                             {9, i64(empty_group_ ? 0 : offset)}});
      if (empty_lists_) meta.set(8, list(thrift::Type::stop, {}));
      if (statistics_) meta.set(12, structure({{3, i64(0)}}));
      chunks.push_back(structure({{2, i64(offset)}, {3, meta}}));
      if (encrypted_) chunks.back().set(8, structure({{1, structure({})}}));
    }
    std::vector<Value> schema{structure({{4, text("schema")}, {5, i32(columns_)}})};
    schema.insert(schema.end(), elements_.begin(), elements_.end());
    const auto group = structure({{1, list(thrift::Type::structure, chunks)},
                                  {2, i64(static_cast<std::int64_t>(out.size()))},
                                  {3, i64(rows_)}});
    auto all =
        structure({{1, i32(2)},
                   {2, list(thrift::Type::structure, schema)},
                   {3, i64(rows_)},
                   {4, list(thrift::Type::structure,
                            rows_ > 0 || empty_group_ ? std::vector<Value>{group} : std::vector<Value>{})}});
    if (empty_lists_) all.set(5, list(thrift::Type::stop, {}));
    const std::string footer = thrift::write(all);
    return out + footer + plain<std::uint32_t>({static_cast<std::uint32_t>(footer.size())}) + "PAR1";
  }

 private:
  struct Leaf {
    std::string name;
    Physical type;
    std::string page;
    int values;
  };
  int rows_, columns_ = 0, inner_ = 0, codec_ = 0, encoding_ = 0;
  bool encrypted_ = false;
  bool checksums_ = false, empty_group_ = false, statistics_ = false, empty_lists_ = false;
  std::vector<Value> elements_;
  std::vector<Leaf> leaves_;
};

}  // namespace agnes::connectors::files
