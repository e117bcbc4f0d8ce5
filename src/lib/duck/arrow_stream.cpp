#include "lib/duck/arrow_stream.h"

#include <cstring>

#include "lib/base/text.h"
#include "lib/duck/arrow_format.h"
#include "lib/duck/flatbuffer.h"

namespace agnes::duck {

namespace {

using flat::boolean;
using flat::number;
using namespace arrow;

// Which buffers an array of a type has, beside the one that says which values are NULL.
enum class Layout { none, bits, fixed, offsets_and_bytes, offsets, children_only, union_tags };

struct Column {
  Layout layout = Layout::none;
  std::size_t width = 0;  // bytes of a value: fixed
  flat::Value type;
  int type_id = 0;
  std::string name;
  bool nullable = true;
  std::optional<std::int64_t> dictionary;  // its number; the values are utf8, `type` is that of the positions
  std::vector<Column> children;
};

[[noreturn]] void not_known(std::string_view format) {
  throw Error(ErrorKind::internal, fmt::format("no Arrow form is written for DuckDB's \"{}\"", format));
}

std::int16_t unit_of(char letter) {
  return static_cast<std::int16_t>(std::string_view("smun").find(letter));
}

// The numbers in "d:38,0,128" and "+w:3" after the colon.
std::vector<std::int64_t> numbers_of(std::string_view format) {
  std::vector<std::int64_t> out;
  for (const auto& part : split(format.substr(format.find(':') + 1), ','))
    if (const auto value = parse_int(part)) out.push_back(*value);
  return out;
}

// What a format of the C data interface means.
void read_format(std::string_view format, Column& column) {
  const auto set = [&](int id, Layout layout, std::size_t width, std::vector<flat::Field> fields = {}) {
    column.type_id = id;
    column.layout = layout;
    column.width = width;
    column.type = flat::table(std::move(fields));
  };
  const auto integer = [&](std::size_t width, bool is_signed) {
    set(kInt, Layout::fixed, width,
        {{0, number(static_cast<std::int64_t>(width) * 8, 4)}, {1, boolean(is_signed)}});
  };
  const auto starts = [&](std::string_view with) { return format.starts_with(with); };
  if (format == "n") return set(kNull, Layout::none, 0);
  if (format == "b") return set(kBool, Layout::bits, 0);
  static constexpr std::string_view kIntegers = "cCsSiIlL";
  if (format.size() == 1 && kIntegers.find(format[0]) != std::string_view::npos) {
    const auto at = kIntegers.find(format[0]);
    return integer(std::size_t{1} << (at / 2), at % 2 == 0);
  }
  if (format == "f") return set(kFloat, Layout::fixed, 4, {{0, number(1, 2)}});
  if (format == "g") return set(kFloat, Layout::fixed, 8, {{0, number(2, 2)}});
  if (format == "u") return set(kUtf8, Layout::offsets_and_bytes, 0);
  if (format == "z") return set(kBinary, Layout::offsets_and_bytes, 0);
  if (format == "tdD") return set(kDate, Layout::fixed, 4, {{0, number(0, 2)}});
  if (format == "ttu" || format == "ttn")
    return set(kTime, Layout::fixed, 8, {{0, number(unit_of(format[2]), 2)}, {1, number(64, 4)}});
  if (format == "tin") return set(kInterval, Layout::fixed, 16, {{0, number(2, 2)}});
  if (starts("ts") && format.size() >= 4) {
    std::vector<flat::Field> fields = {{0, number(unit_of(format[2]), 2)}};
    if (const auto zone = format.substr(4); !zone.empty())
      fields.push_back({1, flat::text(std::string(zone))});
    return set(kTimestamp, Layout::fixed, 8, std::move(fields));
  }
  const auto numbers = numbers_of(format);
  if (starts("d:") && numbers.size() >= 2 && (numbers.size() == 2 || numbers[2] == 128))
    return set(kDecimal, Layout::fixed, 16,
               {{0, number(numbers[0], 4)}, {1, number(numbers[1], 4)}, {2, number(128, 4)}});
  if (format == "+l") return set(kList, Layout::offsets, 0);
  if (format == "+m") return set(kMap, Layout::offsets, 0, {{0, boolean(false)}});
  if (format == "+s") return set(kStruct, Layout::children_only, 0);
  if (starts("+w:") && numbers.size() == 1)
    return set(kFixedSizeList, Layout::children_only, 0, {{0, number(numbers[0], 4)}});
  if (starts("+us:")) {
    std::string tags;
    for (const auto tag : numbers) {
      const auto wide = static_cast<std::int32_t>(tag);
      tags.append(reinterpret_cast<const char*>(&wide), sizeof wide);
    }
    return set(kUnion, Layout::union_tags, 0,
               {{0, number(0, 2)}, {1, flat::packed(std::move(tags), numbers.size())}});
  }
  not_known(format);
}

Column read_column(const ArrowSchema& schema, std::int64_t& dictionaries) {
  Column out;
  out.name = schema.name != nullptr ? schema.name : "";
  out.nullable = (schema.flags & kNullable) != 0;
  read_format(schema.format, out);
  if (schema.dictionary != nullptr) {
    if (std::string_view(schema.dictionary->format) != "u") not_known(schema.dictionary->format);
    out.dictionary = dictionaries++;
  }
  for (std::int64_t i = 0; i < schema.n_children; ++i)
    out.children.push_back(read_column(*schema.children[i], dictionaries));
  return out;
}

flat::Value field_of(const Column& column) {
  std::vector<flat::Value> children;
  for (const auto& child : column.children) children.push_back(field_of(child));
  std::vector<flat::Field> fields = {{0, flat::text(column.name)},
                                     {1, boolean(column.nullable)},
                                     {2, number(column.dictionary ? int{kUtf8} : column.type_id, 1)},
                                     {3, column.dictionary ? flat::table({}) : column.type},
                                     {5, flat::list(std::move(children))}};
  if (column.dictionary)
    fields.push_back({4, flat::table({{0, number(*column.dictionary, 8)}, {1, column.type}})});
  return flat::table(std::move(fields));
}

// The buffers of a batch, as they are in DuckDB's memory, and what the message says of them.
class Body {
 public:
  void add(const Column& column, const ArrowArray& array) {
    if (array.offset != 0 || static_cast<std::size_t>(array.n_children) != column.children.size())
      throw Error(ErrorKind::internal, "DuckDB made an Arrow array of another form than its schema");
    const std::int64_t counts[] = {array.length, array.null_count};
    nodes_.append(reinterpret_cast<const char*>(counts), sizeof counts);
    const auto rows = static_cast<std::size_t>(array.length);
    const auto bits = (rows + 7) / 8;
    if (column.layout != Layout::none && column.layout != Layout::union_tags)
      buffer(array.buffers[0], array.null_count == 0 ? 0 : bits);
    switch (column.layout) {
      case Layout::bits:
        buffer(array.buffers[1], bits);
        break;
      case Layout::fixed:
        buffer(array.buffers[1], rows * column.width);
        break;
      case Layout::offsets_and_bytes:
      case Layout::offsets: {
        buffer(array.buffers[1], rows == 0 ? 0 : (rows + 1) * 4);
        if (column.layout == Layout::offsets) break;
        const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
        buffer(array.buffers[2], rows == 0 ? 0 : static_cast<std::size_t>(offsets[rows]));
        break;
      }
      case Layout::union_tags:
        buffer(array.buffers[0], rows);
        break;
      case Layout::none:
      case Layout::children_only:
        break;
    }
    for (std::size_t i = 0; i < column.children.size(); ++i) add(column.children[i], *array.children[i]);
  }

  flat::Value batch(std::int64_t rows) const {
    return flat::table({{0, number(rows, 8)},
                        {1, flat::packed(nodes_, nodes_.size() / 16)},
                        {2, flat::packed(places_, places_.size() / 16)}});
  }
  std::size_t size() const { return size_; }
  void write(std::string& out) const {
    for (const auto& [from, size] : pieces_) {
      out.append(from, size);
      out.append(padding(size), '\0');
    }
  }

 private:
  static std::size_t padding(std::size_t size) { return (8 - size % 8) % 8; }
  void buffer(const void* from, std::size_t size) {
    if (from == nullptr) size = 0;
    const std::int64_t place[] = {static_cast<std::int64_t>(size_), static_cast<std::int64_t>(size)};
    places_.append(reinterpret_cast<const char*>(place), sizeof place);
    if (size > 0) pieces_.emplace_back(static_cast<const char*>(from), size);
    size_ += size + padding(size);
  }

  std::string nodes_, places_;
  std::vector<std::pair<const char*, std::size_t>> pieces_;
  std::size_t size_ = 0;
};

// A mark, the length of what describes the message, that, and the body.
void write_message(std::string& out, Header kind, flat::Value header, const Body& body) {
  const auto text = flat::write(flat::table({{0, number(kVersion, 2)},
                                             {1, number(kind, 1)},
                                             {2, std::move(header)},
                                             {3, number(static_cast<std::int64_t>(body.size()), 8)}}));
  const std::uint32_t start[] = {0xffffffff, static_cast<std::uint32_t>(text.size())};
  out.reserve(out.size() + sizeof start + text.size() + body.size());
  out.append(reinterpret_cast<const char*>(start), sizeof start);
  out += text;
  body.write(out);
}

void write_dictionaries(std::string& out, const Column& column, const ArrowArray& array) {
  if (column.dictionary) {
    Column values;
    read_format("u", values);
    Body body;
    body.add(values, *array.dictionary);
    auto header =
        flat::table({{0, number(*column.dictionary, 8)}, {1, body.batch(array.dictionary->length)}});
    write_message(out, kDictionaryHeader, std::move(header), body);
  }
  for (std::size_t i = 0; i < column.children.size(); ++i)
    write_dictionaries(out, column.children[i], *array.children[i]);
}

void check(duckdb_error_data failed) {
  if (failed == nullptr) return;
  const std::string message = api().error_data_message(failed);
  api().destroy_error_data(&failed);
  throw QueryError(DUCKDB_ERROR_CONVERSION, message);
}

template <class T>
struct Released {
  T value{};
  ~Released() {
    if (value.release != nullptr) value.release(&value);
  }
};

}  // namespace

struct ArrowStream::Impl {
  duckdb_arrow_options options = nullptr;
  Column rows;  // a struct of the result's columns
  bool began = false;
  ~Impl() { api().destroy_arrow_options(&options); }
};

ArrowStream::ArrowStream(Result& result, const std::vector<std::string>& names)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = api().result_get_arrow_options(result.handle());
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> texts;
  for (std::size_t c = 0; c < names.size(); ++c) {
    types.push_back(api().column_logical_type(result.handle(), c));
    texts.push_back(names[c].c_str());
  }
  Released<ArrowSchema> schema;
  auto* failed =
      api().to_arrow_schema(impl_->options, types.data(), texts.data(), types.size(), &schema.value);
  for (auto& type : types) api().destroy_logical_type(&type);
  check(failed);
  std::int64_t dictionaries = 0;
  impl_->rows = read_column(schema.value, dictionaries);
}
ArrowStream::~ArrowStream() = default;

std::string ArrowStream::schema() const {
  std::vector<flat::Value> fields;
  for (const auto& column : impl_->rows.children) fields.push_back(field_of(column));
  std::string out;
  write_message(out, kSchemaHeader, flat::table({{1, flat::list(std::move(fields))}}), Body());
  return out;
}

void ArrowStream::batch(const Chunk& chunk, std::string& out) {
  Released<ArrowArray> array;
  check(api().data_chunk_to_arrow(impl_->options, chunk.handle(), &array.value));
  if (!std::exchange(impl_->began, true)) write_dictionaries(out, impl_->rows, array.value);
  Body body;
  for (std::size_t c = 0; c < impl_->rows.children.size(); ++c)
    body.add(impl_->rows.children[c], *array.value.children[c]);
  write_message(out, kBatchHeader, body.batch(array.value.length), body);
}

std::string ArrowStream::end() {
  return {"\xff\xff\xff\xff\0\0\0\0", 8};
}

bool ArrowStream::carries(const Type& type) {
  return type.every_part(is_common);
}

}  // namespace agnes::duck
