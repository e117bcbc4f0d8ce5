#include "connectors/files/parquet_footer.h"

#include <algorithm>
#include <fstream>

#include <zlib.h>

#include "connectors/files/read.h"
#include "connectors/files/source_error.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

using thrift::Malformed;
using thrift::Type;
using thrift::Value;

constexpr std::string_view kMagic = "PAR1", kEncryptedMagic = "PARE";
constexpr std::size_t kTrailer = 8;  // the footer's length and the magic bytes
constexpr std::size_t kMaxElements = 200'000;
constexpr std::size_t kMaxPageHeader = 16u << 20;
constexpr int kMaxDigits = 38;

// Ids of the fields of Parquet's own structures.
namespace file_field {
constexpr int schema = 2, row_groups = 4;
}
namespace element_field {
constexpr int type = 1, length = 2, repetition = 3, name = 4, children = 5, converted = 6, scale = 7,
              precision = 8, logical = 10;
}
namespace logical_field {
constexpr int text = 1, map = 2, list = 3, enumeration = 4, decimal = 5, date = 6, time = 7, timestamp = 8,
              integer = 10, json = 12, bson = 13, variant = 16;
}
namespace chunk_field {
constexpr int meta = 3, crypto = 8;
}
namespace meta_field {
constexpr int type = 1, encodings = 2, codec = 4, values = 5, size = 7, data = 9, dictionary = 11;
}
enum Physical { int32 = 1, int64 = 2, int96 = 3, small_real = 4, real = 5, byte_array = 6, fixed = 7 };
constexpr int kByteStreamSplit = 9;
constexpr int kConvertedMap = 1, kConvertedPairs = 2, kConvertedList = 3, kConvertedDecimal = 5;

Value small_number(std::int64_t whole) {
  Value out;
  out.type = Type::i32;
  out.whole = whole;
  return out;
}

// The older name (ConvertedType) of a type; nothing where there is none, or where DuckDB takes the newer.
std::optional<int> converted_type(const Value& logical) {
  if (logical.fields.size() != 1) return std::nullopt;
  const auto& [kind, type] = logical.fields.front();
  const Value* unit = type.find(2);
  switch (kind) {
    case logical_field::text:
      return 0;
    case logical_field::map:
      return 1;
    case logical_field::list:
      return 3;
    case logical_field::enumeration:
      return 4;
    case logical_field::decimal:
      return kConvertedDecimal;
    case logical_field::date:
      return 6;
    case logical_field::time:
      if (unit == nullptr || unit->fields.size() != 1 || unit->fields[0].first > 2) return std::nullopt;
      return unit->fields[0].first == 1 ? 7 : 8;
    case logical_field::integer: {
      const auto bits = type.whole_of(1, 0);
      const int width = bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3;
      const Value* is_signed = type.find(2);
      return (is_signed != nullptr && is_signed->type == Type::yes ? 15 : 11) + width;
    }
    case logical_field::json:
      return 19;
    case logical_field::bson:
      return 20;
    default:
      return std::nullopt;
  }
}

// True when the element had to be completed.
bool complete(Value& element) {
  const Value* logical = element.find(element_field::logical);
  if (logical == nullptr || element.find(element_field::converted) != nullptr) return false;
  const auto converted = converted_type(*logical);
  if (!converted) return false;
  if (*converted == kConvertedDecimal) {
    const Value decimal = logical->fields.front().second;
    element.set(element_field::scale, small_number(decimal.whole_of(1, 0)));
    element.set(element_field::precision, small_number(decimal.whole_of(2, 0)));
  }
  element.set(element_field::converted, small_number(*converted));
  return true;
}

std::string read_bytes(std::ifstream& in, std::uint64_t offset, std::uint64_t size) {
  std::string out(size, '\0');
  in.clear();
  in.seekg(static_cast<std::streamoff>(offset));
  in.read(out.data(), static_cast<std::streamsize>(size));
  if (static_cast<std::uint64_t>(in.gcount()) != size) throw Malformed();
  return out;
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return out;
}

[[noreturn]] void wrong(const SourceFile& file, const std::string& what) {
  throw SourceError("malformed", file.relative, std::nullopt, shown(file.relative) + " " + what);
}

// Goes through the schema, which is a tree written as a list.
class Schema {
 public:
  Schema(const SourceFile& file, ParquetFooter& footer) : file_(file), footer_(footer) {}

  void read() {
    if (footer_.schema.empty()) throw Malformed();
    const auto count = children_of(footer_.schema.front());
    for (next_ = 1; footer_.columns.size() < count;) {
      const auto& element = at(next_);
      footer_.columns.push_back({name_of(element), next_, children_of(element) > 0 || is_repeated(element)});
      node("", 0, 0, footer_.schema.front());
    }
    if (next_ != footer_.schema.size()) throw Malformed();
  }

 private:
  const Value& at(std::size_t index) const {
    if (index >= footer_.schema.size()) throw Malformed();
    return footer_.schema[index];
  }
  static std::string name_of(const Value& element) {
    const Value* name = element.find(element_field::name);
    return name != nullptr ? name->bytes : "";
  }
  static bool is_repeated(const Value& element) {
    return element.whole_of(element_field::repetition, 0) == 2;
  }
  std::uint64_t children_of(const Value& element) const {
    const auto count = element.whole_of(element_field::children, 0);
    if (count < 0 || static_cast<std::uint64_t>(count) > footer_.schema.size()) throw Malformed();
    return static_cast<std::uint64_t>(count);
  }
  static const Value* logical(const Value& element, int kind) {
    const Value* type = element.find(element_field::logical);
    return type != nullptr ? type->find(kind) : nullptr;
  }

  static bool is_collection(const Value& element) {
    const auto converted = element.whole_of(element_field::converted, -1);
    return logical(element, logical_field::list) != nullptr ||
           logical(element, logical_field::map) != nullptr || converted == kConvertedList ||
           converted == kConvertedMap || converted == kConvertedPairs;
  }
  // How many lists and maps an element adds to those that it is in: the repeated group in a list or map is a part
  // of it, and so are the typed values of each level of a VARIANT.
  int levels_of(const Value& element, const Value& parent) const {
    const auto is_typed = [](const Value& each) { return name_of(each) == "typed_value"; };
    if (variant_ != 0 && is_typed(element) && !is_typed(parent)) return 0;
    if (!is_repeated(element)) return is_collection(element) ? 1 : 0;
    return is_collection(parent) ? 0 : 1;
  }

  void node(const std::string& above, int depth, int lists, const Value& parent) {
    // Deeper ones cost DuckDB more than they hold.
    if (depth > 200) throw Malformed();
    const std::size_t index = next_++;
    const Value& element = at(index);
    const std::string path = (above.empty() ? "" : above + ".") + name_of(element);
    const auto count = children_of(element);
    lists += levels_of(element, parent);
    // With each level DuckDB takes twice as long to open the file; a struct costs it little.
    if (lists > kMaxNesting)
      wrong(file_, fmt::format("has more than {} lists and maps in each other in the column '{}': write it "
                               "flatter, or as text",
                               kMaxNesting, escape_control(footer_.columns.back().name)));
    check_decimal(element, path);
    if (count == 0) {
      const bool is_variant = variant_ != 0 && name_of(element) == "value" &&
                              element.whole_of(element_field::type, -1) == Physical::byte_array;
      footer_.leaves.push_back({footer_.columns.size() - 1, index, path,
                                is_variant ? Nanos::variant : nanos_of(element), variant_});
      return;
    }
    const bool is_variant = logical(element, logical_field::variant) != nullptr;
    if (is_variant) check_variant(index, path);
    const auto outer = variant_;
    if (is_variant) variant_ = index;
    for (std::uint64_t i = 0; i < count; ++i) node(path, depth + 1, lists, element);
    variant_ = outer;
  }

  void check_decimal(const Value& element, const std::string& path) const {
    const Value* type = logical(element, logical_field::decimal);
    if (type == nullptr && element.whole_of(element_field::converted, -1) != kConvertedDecimal) return;
    const auto digits =
        std::max(element.whole_of(element_field::precision, 0), type != nullptr ? type->whole_of(2, 0) : 0);
    if (digits > kMaxDigits)
      wrong(file_,
            fmt::format("has the column '{}' of DECIMAL with {} digits, and {} are read at most: write it "
                        "as text, or with fewer digits",
                        escape_control(path), digits, kMaxDigits));
  }

  static Nanos nanos_of(const Value& element) {
    const auto type = element.whole_of(element_field::type, -1);
    if (type == Physical::int96) return Nanos::int96;
    if (type != Physical::int64) return Nanos::none;
    const Value* timestamp = logical(element, logical_field::timestamp);
    const Value* unit = timestamp != nullptr ? timestamp->find(2) : nullptr;
    if (unit == nullptr || unit->find(3) == nullptr) return Nanos::none;
    // DuckDB has types for timestamps without a zone, and for times of day.
    const Value* utc = timestamp->find(1);
    return utc != nullptr && utc->type == Type::yes ? Nanos::instant : Nanos::none;
  }

  // The group of a VARIANT has the bytes `metadata` and `value`, and may have `typed_value`.
  void check_variant(std::size_t index, const std::string& path) const {
    const auto count = children_of(at(index));
    std::set<std::string> bytes;
    std::size_t child = index + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto& element = at(child);
      if (children_of(element) == 0 && !is_repeated(element) &&
          element.whole_of(element_field::type, -1) == Physical::byte_array)
        bytes.insert(name_of(element));
      child = behind(child);
    }
    for (const char* part : {"metadata", "value"})
      if (!bytes.contains(part))
        wrong(file_, fmt::format("has the column '{}' of VARIANT without the bytes '{}', which DuckDB cannot "
                                 "read: write it unshredded, or as text",
                                 escape_control(path), part));
  }
  std::size_t behind(std::size_t index) const {
    std::uint64_t open = 1;
    while (open > 0) open += children_of(at(index++)) - 1;
    return index;
  }

  const SourceFile& file_;
  ParquetFooter& footer_;
  std::size_t next_ = 0;
  std::size_t variant_ = 0;  // the innermost one that is open
};

// What a footer says of the pages of one leaf in a row group.
struct ChunkFacts {
  std::map<int, std::int64_t> numbers;  // by meta_field
  bool encrypted = false, split = false;
};

ChunkFacts read_chunk_facts(thrift::Reader& reader) {
  ChunkFacts out;
  reader.fields([&](int id, Type type) {
    out.encrypted = out.encrypted || id == chunk_field::crypto;
    if (id != chunk_field::meta || type != Type::structure) return reader.skip(type);
    reader.fields([&](int inner, Type inner_type) {
      if (inner_type == Type::i32 || inner_type == Type::i64) {
        out.numbers[inner] = reader.whole();
      } else if (inner == meta_field::encodings && inner_type == Type::list) {
        const auto [element, count] = reader.list();
        if (count > 0 && element != Type::i32) throw Malformed();
        for (std::size_t i = 0; i < count; ++i)
          if (reader.whole() == kByteStreamSplit) out.split = true;
      } else {
        reader.skip(inner_type);
      }
    });
  });
  return out;
}

// Why DuckDB cannot read the pages; "" when it can.
std::string fault_of(ChunkFacts& chunk) {
  if (chunk.encrypted) return ", which is encrypted: write it without encryption";
  static constexpr const char* kCodecs[] = {"", "", "", "LZO", "", "the LZ4 of Hadoop", "", ""};
  const auto codec = chunk.numbers[meta_field::codec];
  const std::string name =
      codec < 0 || codec >= std::ssize(kCodecs) ? fmt::format("method {}", codec) : kCodecs[codec];
  if (!name.empty())
    return fmt::format(" compressed with {}, which cannot be read: write it with zstd or snappy", name);
  const auto type = chunk.numbers[meta_field::type];
  if (chunk.split && type != Physical::real && type != Physical::small_real)
    return " in the encoding BYTE_STREAM_SPLIT, which can be read for FLOAT and DOUBLE alone: write it in "
           "another one";
  return "";
}

// Where the pages begin, and how long they are together.
void read_chunk(thrift::Reader& reader, const SourceFile& file, ParquetFooter& footer, std::size_t leaf) {
  ChunkFacts facts = read_chunk_facts(reader);
  auto& numbers = facts.numbers;
  // Programs that have written nothing do not always say where.
  if (numbers[meta_field::values] == 0 && !facts.encrypted) return;
  if (leaf >= footer.leaves.size()) throw Malformed();
  if (const auto fault = fault_of(facts); !fault.empty())
    wrong(file, fmt::format("has the column '{}'{}", escape_control(footer.leaves[leaf].path), fault));
  const auto size = numbers[meta_field::size], data = numbers[meta_field::data],
             dictionary = numbers[meta_field::dictionary];
  const auto begin = dictionary > 0 ? std::min(dictionary, data) : data;
  if (begin < 0 || size < 0 || static_cast<std::uint64_t>(begin) > footer.begin ||
      static_cast<std::uint64_t>(size) > footer.begin - static_cast<std::uint64_t>(begin))
    throw Malformed();
  footer.chunks.push_back({leaf, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(size)});
}

void read_row_groups(thrift::Reader& reader, const SourceFile& file, ParquetFooter& footer) {
  const auto [element, count] = reader.list();
  if (count > 0 && element != Type::structure) throw Malformed();
  for (std::size_t i = 0; i < count; ++i)
    reader.fields([&](int id, Type type) {
      if (id != 1 || type != Type::list) return reader.skip(type);
      const auto [chunk, leaves] = reader.list();
      if (leaves > 0 && chunk != Type::structure) throw Malformed();
      for (std::size_t leaf = 0; leaf < leaves; ++leaf) read_chunk(reader, file, footer, leaf);
    });
}

ParquetFooter parse(const SourceFile& file, std::ifstream& in) {
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::uint64_t>(in.tellg());
  if (size < kTrailer + kMagic.size()) throw Malformed();
  const std::string trailer = read_bytes(in, size - kTrailer, kTrailer);
  const std::uint64_t length = little_endian(trailer);
  if (trailer.substr(4) == kEncryptedMagic) wrong(file, "is encrypted: write it without encryption");
  if (trailer.substr(4) != kMagic || length > size - kTrailer) throw Malformed();
  ParquetFooter out;
  out.begin = size - kTrailer - length;
  const std::string bytes = read_bytes(in, out.begin, length);
  thrift::Reader reader(bytes);
  std::optional<std::size_t> groups;
  reader.fields([&](int id, Type type) {
    const auto begin = reader.at();
    if (id == file_field::schema && type == Type::list) {
      if (!out.schema.empty()) throw Malformed();
      const auto [element, count] = reader.list();
      if (element != Type::structure || count > kMaxElements) throw Malformed();
      for (std::size_t i = 0; i < count; ++i) {
        out.schema.push_back(reader.value(element));
        if (complete(out.schema.back())) out.completed = true;
      }
      out.before = bytes.substr(0, begin);
      out.after = bytes.substr(reader.at());
      return;
    }
    if (id == file_field::row_groups && type == Type::list) groups = begin;
    reader.skip(type);
  });
  Schema(file, out).read();
  if (groups) {
    thrift::Reader again(std::string_view(bytes).substr(*groups));
    read_row_groups(again, file, out);
  }
  return out;
}

struct PageHeader {
  std::uint64_t header = 0, size = 0;
  std::optional<std::uint32_t> checksum;
};

// At `offset`; headers are short unless they carry long minima and maxima.
PageHeader read_page_header(std::ifstream& in, std::uint64_t offset, std::uint64_t most) {
  for (std::uint64_t look = 512;; look *= 16) {
    const std::string bytes = read_bytes(in, offset, std::min(look, most));
    try {
      thrift::Reader reader(bytes);
      PageHeader out;
      std::int64_t size = -1;
      reader.fields([&](int id, Type type) {
        if (type != Type::i32 || (id != 3 && id != 4)) return reader.skip(type);
        const auto value = reader.whole();
        if (id == 3)
          size = value;
        else
          out.checksum = static_cast<std::uint32_t>(value);
      });
      if (size < 0) throw Malformed();
      out.header = reader.at();
      out.size = static_cast<std::uint64_t>(size);
      return out;
    } catch (const Malformed&) {
      if (bytes.size() >= most || bytes.size() > kMaxPageHeader) throw;
    }
  }
}

std::uint32_t checksum_of(std::ifstream& in, std::uint64_t offset, std::uint64_t size) {
  std::uint32_t sum = 0;
  constexpr std::uint64_t step = 1 << 18;
  for (std::uint64_t done = 0; done < size; done += step) {
    const std::string bytes = read_bytes(in, offset + done, std::min(step, size - done));
    sum = static_cast<std::uint32_t>(::crc32(sum, reinterpret_cast<const unsigned char*>(bytes.data()),
                                             static_cast<unsigned>(bytes.size())));
  }
  return sum;
}

}  // namespace

std::set<std::size_t> ParquetFooter::columns_with_nanos() const {
  std::set<std::size_t> out;
  for (const auto& leaf : leaves)
    if (leaf.nanos != Nanos::none) out.insert(leaf.column);
  return out;
}

std::optional<ParquetFooter> read_parquet_footer(const SourceFile& file) {
  std::ifstream in(file.path, std::ios::binary);
  try {
    return parse(file, in);
  } catch (const Malformed&) {
    return std::nullopt;
  }
}

void check_parquet_pages(const SourceFile& file, const ParquetFooter& footer) {
  std::ifstream in(file.path, std::ios::binary);
  for (const auto& chunk : footer.chunks) {
    const std::string column = escape_control(footer.leaves[chunk.leaf].path);
    try {
      for (std::uint64_t at = chunk.offset, end = chunk.offset + chunk.size; at < end;) {
        const auto page = read_page_header(in, at, end - at);
        if (page.size > end - at - page.header) throw Malformed();
        // A program writes checksums or it does not.
        if (!page.checksum) break;
        if (checksum_of(in, at + page.header, page.size) != *page.checksum)
          wrong(file, fmt::format("is damaged: a page of the column '{}' does not fit its checksum; copy the "
                                  "file again",
                                  column));
        at += page.header + page.size;
      }
    } catch (const Malformed&) {
      wrong(file,
            fmt::format("is damaged: the pages of the column '{}' are not where they should be; copy the "
                        "file again",
                        column));
    }
  }
}

void write_parquet_twin(const SourceFile& file, const ParquetFooter& footer,
                        const std::set<std::size_t>& columns, bool whole, const fs::path& to) {
  auto schema = footer.schema;
  for (const auto& leaf : footer.leaves) {
    if (leaf.nanos == Nanos::none || !columns.contains(leaf.column)) continue;
    auto& element = schema[leaf.element];
    element.erase(element_field::converted);
    element.erase(element_field::logical);
    schema[leaf.variant].erase(element_field::logical);
    if (leaf.nanos != Nanos::int96) continue;
    element.set(element_field::type, small_number(Physical::fixed));
    element.set(element_field::length, small_number(12));
  }
  std::string bytes = footer.before + thrift::write_list_header(Type::structure, schema.size());
  for (const auto& element : schema) bytes += thrift::write(element);
  bytes += footer.after;
  std::ifstream in(file.path, std::ios::binary);
  std::ofstream out(to, std::ios::binary);
  const auto copy = [&](std::uint64_t offset, std::uint64_t size) {
    constexpr std::uint64_t step = 1 << 20;
    out.seekp(static_cast<std::streamoff>(offset));
    for (std::uint64_t done = 0; done < size; done += step)
      out << read_bytes(in, offset + done, std::min(step, size - done));
  };
  try {
    if (whole) copy(0, footer.begin);
    copy(0, std::min<std::uint64_t>(kMagic.size(), footer.begin));
    for (const auto& chunk : footer.chunks)
      if (!whole && columns.contains(footer.leaves[chunk.leaf].column)) copy(chunk.offset, chunk.size);
  } catch (const Malformed&) {
    wrong(file, "changed while it was read: sync again");
  }
  out.seekp(static_cast<std::streamoff>(footer.begin));
  const auto length = static_cast<std::uint32_t>(bytes.size());
  out << bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) out << static_cast<char>(length >> shift);
  out << kMagic << std::flush;
  if (!out) throw system_error("cannot write " + to.filename().string(), errno);
}

}  // namespace agnes::connectors::files
