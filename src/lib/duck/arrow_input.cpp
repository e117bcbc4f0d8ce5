#include "lib/duck/arrow_input.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <span>

#include "lib/base/text.h"
#include "lib/duck/arrow_format.h"
#include "lib/duck/flat_table.h"

namespace agnes::duck {

namespace {

using namespace arrow;
using flat::malformed;

constexpr std::uint32_t kLongestHeader = 256u << 20;
constexpr std::int64_t kLongestBody = std::int64_t{4} << 30, kMostRows = std::int64_t{1} << 31;
constexpr std::size_t kMostFields = 200'000, kDeepest = 64, kStep = 1u << 20;
enum MoreKinds { kFixedSizeBinary = 15, kDuration = 18, kLargeBinary, kLargeUtf8, kLargeList };

enum class Layout { none, bits, fixed, offsets_and_bytes, offsets, validity_only, union_tags };

struct Field {
  std::string name, format;  // of the C data interface
  bool nullable = true;
  Layout layout = Layout::none;
  std::size_t width = 0;   // bytes of a value or an offset
  std::int64_t fixed = 1;  // entries of the child for each row: fixed_size_list
  std::optional<std::int64_t> dictionary;
  std::vector<Field> children, values;  // values: one, of the dictionary
};

[[noreturn]] void not_read(std::string_view what) {
  throw Error(ErrorKind::bad_gateway,
              fmt::format("the answer's Arrow stream has {}, which is not read", what));
}

char unit_letter(int unit) {
  if (unit < 0 || unit > 3) malformed();
  return "smun"[unit];
}

void set(Field& field, std::string format, Layout layout, std::size_t width = 0) {
  field.format = std::move(format);
  field.layout = layout;
  field.width = width;
}

void set_integer(Field& field, const flat::Table& type) {
  const auto bits = type.number<std::int32_t>(0, 0);
  const bool is_signed = type.number<std::uint8_t>(1, 0) != 0;
  for (std::size_t i = 0; i < 4; ++i)
    if (bits == 8 << i)
      return set(field, std::string(1, "cCsSiIlL"[2 * i + (is_signed ? 0 : 1)]), Layout::fixed, 1u << i);
  malformed();
}

// The numbers of Schema.fbs, with its defaults.
void set_type(Field& field, int kind, const flat::Table& type) {
  const auto unit = [&](std::int16_t otherwise) { return type.number<std::int16_t>(0, otherwise); };
  switch (kind) {
    case kNull:
      return set(field, "n", Layout::none);
    case kInt:
      return set_integer(field, type);
    case kFloat: {
      const auto precision = unit(0);
      if (precision < 0 || precision > 2) malformed();
      return set(field, std::string(1, "efg"[precision]), Layout::fixed, std::size_t{2} << precision);
    }
    case kBinary:
      return set(field, "z", Layout::offsets_and_bytes, 4);
    case kUtf8:
      return set(field, "u", Layout::offsets_and_bytes, 4);
    case kLargeBinary:
      return set(field, "Z", Layout::offsets_and_bytes, 8);
    case kLargeUtf8:
      return set(field, "U", Layout::offsets_and_bytes, 8);
    case kBool:
      return set(field, "b", Layout::bits);
    case kDecimal:
      if (type.number<std::int32_t>(2, 128) != 128) not_read("a decimal that is not of 128 bits");
      return set(field,
                 fmt::format("d:{},{}", type.number<std::int32_t>(0, 0), type.number<std::int32_t>(1, 0)),
                 Layout::fixed, 16);
    case kDate:
      return unit(1) == 0 ? set(field, "tdD", Layout::fixed, 4) : set(field, "tdm", Layout::fixed, 8);
    case kTime:
      return set(field, fmt::format("tt{}", unit_letter(unit(1))), Layout::fixed, unit(1) < 2 ? 4 : 8);
    case kTimestamp:
      return set(field, fmt::format("ts{}:{}", unit_letter(unit(0)), type.text(1)), Layout::fixed, 8);
    case kDuration:
      return set(field, fmt::format("tD{}", unit_letter(unit(1))), Layout::fixed, 8);
    case kInterval: {
      const auto which = unit(0);
      if (which < 0 || which > 2) malformed();
      return set(
          field, std::string("ti") + "MDn" [which], Layout::fixed, std::size_t { 4 } << which);
    }
    case kFixedSizeBinary: {
      const auto width = type.number<std::int32_t>(0, 0);
      if (width < 0) malformed();
      return set(field, fmt::format("w:{}", width), Layout::fixed, static_cast<std::size_t>(width));
    }
    case kList:
      return set(field, "+l", Layout::offsets, 4);
    case kLargeList:
      return set(field, "+L", Layout::offsets, 8);
    case kMap:
      return set(field, "+m", Layout::offsets, 4);
    case kStruct:
      return set(field, "+s", Layout::validity_only);
    case kFixedSizeList:
      field.fixed = type.number<std::int32_t>(0, 0);
      if (field.fixed < 0) malformed();
      return set(field, fmt::format("+w:{}", field.fixed), Layout::validity_only);
    case kUnion: {
      if (unit(0) != 0) not_read("a dense union");
      std::string format = "+us:";
      const auto tags = type.packed(1, 4);
      const auto count = tags.count == 0 ? field.children.size() : tags.count;
      if (count != field.children.size() || count > 127) malformed();
      for (std::size_t i = 0; i < count; ++i)
        format += fmt::format("{}{}", i == 0 ? "" : ",",
                              tags.count == 0 ? static_cast<std::int32_t>(i) : tags.at<std::int32_t>(i));
      return set(field, std::move(format), Layout::union_tags);
    }
    default:
      not_read(fmt::format("a type of the number {}", kind));
  }
}

Field read_field(const flat::Table& table, std::size_t depth, std::size_t& count) {
  if (depth > kDeepest || ++count > kMostFields) malformed();
  Field field;
  field.name = table.text(0);
  field.nullable = table.number<std::uint8_t>(1, 0) != 0;
  for (const auto& child : table.tables(5)) field.children.push_back(read_field(child, depth + 1, count));
  const auto type = table.table(3);
  if (!type) malformed();
  set_type(field, table.number<std::uint8_t>(2, 0), *type);
  const bool has_one = field.layout == Layout::offsets || field.format.starts_with("+w:");
  if (has_one && field.children.size() != 1) malformed();
  if (const auto encoding = table.table(4)) {
    Field positions;
    positions.name = std::exchange(field.name, {});
    positions.nullable = field.nullable;
    positions.dictionary = encoding->number<std::int64_t>(0, 0);
    if (const auto index = encoding->table(1))
      set_integer(positions, *index);
    else
      set(positions, "i", Layout::fixed, 4);
    positions.values.push_back(std::move(field));
    return positions;
  }
  return field;
}

// The bytes of a message's body, aligned as Arrow wants them.
class Bytes {
 public:
  explicit Bytes(std::size_t size)
      : data_(static_cast<char*>(std::aligned_alloc(64, (size + 127) / 64 * 64)), &std::free), size_(size) {
    if (data_ == nullptr) throw std::bad_alloc();
  }
  char* data() { return data_.get(); }
  std::string_view view() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<char, decltype(&std::free)> data_;
  std::size_t size_;
};

// A record batch or a dictionary, as it came: its description and its body.
struct Batch {
  std::string header;
  std::shared_ptr<Bytes> body;
};

// What an ArrowArray of ours hangs on.
struct ArrayData {
  std::shared_ptr<Bytes> body;
  std::vector<const void*> buffers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> places;
  ArrowArray dictionary{};
};

void release_array(ArrowArray* array) {
  std::unique_ptr<ArrayData> data(static_cast<ArrayData*>(array->private_data));
  for (auto& child : data->children)
    if (child.release != nullptr) child.release(&child);
  if (data->dictionary.release != nullptr) data->dictionary.release(&data->dictionary);
  array->release = nullptr;
}

template <class T>
void check_offsets(std::string_view bytes, std::size_t rows, std::uint64_t end) {
  const auto* offsets = reinterpret_cast<const T*>(bytes.data());
  T before = offsets[0];
  if (before < 0) malformed();
  for (std::size_t i = 1; i <= rows; ++i) {
    if (offsets[i] < before) malformed();
    before = offsets[i];
  }
  if (static_cast<std::uint64_t>(before) > end) malformed();
}

template <class T>
bool are_below(std::string_view bytes, std::size_t rows, const char* validity, std::uint64_t end) {
  const auto* values = reinterpret_cast<const T*>(bytes.data());
  for (std::size_t i = 0; i < rows; ++i) {
    const bool valid = validity == nullptr || ((validity[i / 8] >> (i % 8)) & 1) != 0;
    if (valid && static_cast<std::uint64_t>(values[i]) >= end) return false;
  }
  return true;
}

}  // namespace

class ArrowInput::Impl {
 public:
  explicit Impl(const ReadBytes& read) : read_(read) {
    const auto [header, body] = next_message();
    const auto message = flat::Table::root(header);
    const auto schema = message.table(2);
    if (header.empty() || message.number<std::uint8_t>(1, 0) != kSchemaHeader || !schema) malformed();
    if (schema->number<std::int16_t>(0, 0) != 0) not_read("big-endian numbers");
    std::size_t count = 0;
    root_.format = "+s";
    root_.layout = Layout::validity_only;
    for (const auto& field : schema->tables(1)) root_.children.push_back(read_field(field, 0, count));
  }

  // For DuckDB. `stream` must live as long as its reader.
  void connect(ArrowArrayStream& stream) {
    stream.private_data = this;
    stream.get_schema = [](ArrowArrayStream* self, ArrowSchema* out) {
      static_cast<Impl*>(self->private_data)->describe(static_cast<Impl*>(self->private_data)->root_, *out);
      return 0;
    };
    stream.get_next = [](ArrowArrayStream* self, ArrowArray* out) {
      return static_cast<Impl*>(self->private_data)->next(*out) ? 0 : EIO;
    };
    stream.get_last_error = [](ArrowArrayStream* self) {
      return static_cast<Impl*>(self->private_data)->error_.c_str();
    };
    stream.release = [](ArrowArrayStream* self) { self->release = nullptr; };
  }

  const std::exception_ptr& problem() const { return problem_; }
  bool ended() const { return ended_; }
  std::uint64_t rows() const { return rows_; }

 private:
  bool fill(char* to, std::size_t size, bool may_end) {
    std::size_t got = 0;
    while (got < size) {
      const auto more = read_(to + got, size - got);
      if (more == 0 && got == 0 && may_end) return false;
      if (more == 0) throw Error(ErrorKind::bad_gateway, "the answer is cut: its Arrow stream has no end");
      got += more;
    }
    return true;
  }

  // The next message; an empty header at the stream's end.
  Batch next_message() {
    std::uint32_t size = 0;
    if (!fill(reinterpret_cast<char*>(&size), sizeof size, true))
      throw Error(ErrorKind::bad_gateway, "the answer is cut: its Arrow stream has no end");
    if (size == 0xffffffff) fill(reinterpret_cast<char*>(&size), sizeof size, false);
    if (size == 0) return {};
    if (size > kLongestHeader) malformed();
    Batch out;
    // A length is believed as far as bytes come.
    while (out.header.size() < size) {
      const auto got = out.header.size();
      out.header.resize(std::min<std::size_t>(size, got + kStep));
      fill(out.header.data() + got, out.header.size() - got, false);
    }
    const auto length = flat::Table::root(out.header).number<std::int64_t>(3, 0);
    if (length < 0 || length > kLongestBody) malformed();
    out.body = read_body(static_cast<std::size_t>(length));
    return out;
  }

  std::shared_ptr<Bytes> read_body(std::size_t length) {
    auto body = std::make_shared<Bytes>(std::min(length, kStep));
    for (std::size_t got = 0;;) {
      fill(body->data() + got, body->view().size() - got, false);
      got = body->view().size();
      if (got == length) return body;
      auto more = std::make_shared<Bytes>(std::min(length, 2 * got));
      std::memcpy(more->data(), body->data(), got);
      body = std::move(more);
    }
  }

  bool next(ArrowArray& out) {
    out = {};
    try {
      while (!ended_) {
        auto batch = next_message();
        if (batch.header.empty()) {
          ended_ = true;
          break;
        }
        const auto message = flat::Table::root(batch.header);
        const auto kind = message.number<std::uint8_t>(1, 0);
        const auto header = message.table(2);
        if (!header) malformed();
        if (kind == kDictionaryHeader) {
          if (header->number<std::uint8_t>(2, 0) != 0) not_read("a dictionary that grows");
          dictionaries_.insert_or_assign(header->number<std::int64_t>(0, 0), std::move(batch));
        } else if (kind == kBatchHeader) {
          const auto rows = header->number<std::int64_t>(0, 0);
          if (rows < 0 || rows > kMostRows) malformed();
          Cursor cursor(*header, batch.body);
          begin(out, root_, rows, 0);
          for (std::size_t i = 0; i < root_.children.size(); ++i)
            make(*out.children[i], root_.children[i], cursor, rows, 0);
          rows_ += static_cast<std::uint64_t>(rows);
          break;
        } else {
          malformed();
        }
      }
      return true;
    } catch (...) {
      if (out.release != nullptr) out.release(&out);
      problem_ = std::current_exception();
      error_ = "the stream ended";
      return false;
    }
  }

  // Goes through a batch's nodes and buffers, in the order of its fields.
  class Cursor {
   public:
    Cursor(const flat::Table& batch, std::shared_ptr<Bytes> body)
        : body(std::move(body)), nodes_(batch.packed(1, 16)), buffers_(batch.packed(2, 16)) {
      if (batch.table(3)) not_read("compressed buffers");
    }
    struct Counts {
      std::int64_t length, nulls;
    };
    Counts node() {
      const auto counts = nodes_.at<Counts>(node_++);
      if (counts.length < 0 || counts.length > kMostRows || counts.nulls < 0 || counts.nulls > counts.length)
        malformed();
      return counts;
    }
    // With `size` bytes at least.
    std::string_view buffer(std::uint64_t size) {
      struct Place {
        std::int64_t offset, length;
      };
      const auto place = buffers_.at<Place>(buffer_++);
      const auto bytes = body->view();
      const auto all = static_cast<std::int64_t>(bytes.size());
      if (place.offset < 0 || place.length < 0 || place.offset > all || place.length > all - place.offset ||
          place.offset % 8 != 0 || static_cast<std::uint64_t>(place.length) < size)
        malformed();
      return bytes.substr(static_cast<std::size_t>(place.offset), static_cast<std::size_t>(place.length));
    }
    const std::shared_ptr<Bytes> body;

   private:
    flat::Packed nodes_, buffers_;
    std::size_t node_ = 0, buffer_ = 0;
  };

  static ArrayData& begin(ArrowArray& out, const Field& field, std::int64_t rows, std::int64_t nulls) {
    auto* data = new ArrayData;
    data->children.resize(field.children.size());
    for (auto& child : data->children) data->places.push_back(&child);
    data->buffers.push_back(nullptr);
    out.length = rows;
    out.null_count = nulls;
    out.n_buffers = 1;
    out.buffers = data->buffers.data();
    out.n_children = static_cast<std::int64_t>(field.children.size());
    out.children = data->places.data();
    out.release = release_array;
    out.private_data = data;
    return *data;
  }

  // At least `least` rows: a child may have more than its parent needs.
  void make(ArrowArray& out, const Field& field, Cursor& cursor, std::int64_t least, std::size_t depth) {
    if (depth > kDeepest) malformed();
    const auto [length, nulls] = cursor.node();
    if (length < least) malformed();
    const auto rows = static_cast<std::size_t>(length);
    auto& data = begin(out, field, length, nulls);
    data.body = cursor.body;
    auto& buffers = data.buffers;
    const char* validity = nullptr;
    if (field.layout != Layout::none && field.layout != Layout::union_tags) {
      const auto bits = cursor.buffer(nulls == 0 ? 0 : (rows + 7) / 8);
      if (nulls != 0) validity = bits.data();
      buffers[0] = validity;
    }
    switch (field.layout) {
      case Layout::none:
        buffers.clear();
        break;
      case Layout::bits:
        buffers.push_back(cursor.buffer((rows + 7) / 8).data());
        break;
      case Layout::fixed: {
        const auto values = cursor.buffer(std::uint64_t{rows} * field.width);
        buffers.push_back(values.data());
        if (field.dictionary) set_dictionary(data, out, field, values, validity, depth);
        break;
      }
      case Layout::offsets_and_bytes:
      case Layout::offsets:
        set_offsets(data, out, field, cursor, depth);
        break;
      case Layout::validity_only:
        for (std::size_t i = 0; i < field.children.size(); ++i)
          make(*out.children[i], field.children[i], cursor, length * field.fixed, depth + 1);
        break;
      case Layout::union_tags: {
        const auto tags = cursor.buffer(rows);
        buffers[0] = tags.data();
        if (!are_below<std::uint8_t>(tags, rows, nullptr, field.children.size())) malformed();
        for (std::size_t i = 0; i < field.children.size(); ++i)
          make(*out.children[i], field.children[i], cursor, length, depth + 1);
        break;
      }
    }
    out.n_buffers = static_cast<std::int64_t>(buffers.size());
    out.buffers = buffers.data();
  }

  void set_offsets(ArrayData& data, ArrowArray& out, const Field& field, Cursor& cursor, std::size_t depth) {
    static constexpr std::int64_t kNone[2] = {0, 0};
    const auto rows = static_cast<std::size_t>(out.length);
    auto offsets = cursor.buffer(rows == 0 ? 0 : (rows + 1) * field.width);
    if (rows == 0) offsets = {reinterpret_cast<const char*>(kNone), sizeof kNone};
    data.buffers.push_back(offsets.data());
    std::uint64_t end = 0;
    if (field.layout == Layout::offsets_and_bytes) {
      const auto bytes = cursor.buffer(0);
      data.buffers.push_back(bytes.data());
      end = bytes.size();
    } else {
      make(*out.children[0], field.children[0], cursor, 0, depth + 1);
      end = static_cast<std::uint64_t>(out.children[0]->length);
    }
    if (field.width == 4)
      check_offsets<std::int32_t>(offsets, rows, end);
    else
      check_offsets<std::int64_t>(offsets, rows, end);
  }

  void set_dictionary(ArrayData& data, ArrowArray& out, const Field& field, std::string_view positions,
                      const char* validity, std::size_t depth) {
    const auto found = dictionaries_.find(*field.dictionary);
    if (found == dictionaries_.end()) malformed();
    const auto header = flat::Table::root(found->second.header).table(2);
    const auto batch = header ? header->table(1) : std::nullopt;
    if (!batch) malformed();
    Cursor cursor(*batch, found->second.body);
    make(data.dictionary, field.values[0], cursor, 0, depth + 1);
    out.dictionary = &data.dictionary;
    const auto rows = static_cast<std::size_t>(out.length);
    const auto end = static_cast<std::uint64_t>(data.dictionary.length);
    // Negative ones are very large without a sign.
    const auto all_below = [&]<class T>(T) { return are_below<T>(positions, rows, validity, end); };
    bool right = false;
    switch (field.format[0]) {
      case 'c':
        right = all_below(std::int8_t{});
        break;
      case 'C':
        right = all_below(std::uint8_t{});
        break;
      case 's':
        right = all_below(std::int16_t{});
        break;
      case 'S':
        right = all_below(std::uint16_t{});
        break;
      case 'i':
        right = all_below(std::int32_t{});
        break;
      case 'I':
        right = all_below(std::uint32_t{});
        break;
      default:
        right = all_below(std::uint64_t{});
    }
    if (!right) malformed();
  }

  // Kept until the stream ends: DuckDB does not give back what it asks for.
  struct SchemaData {
    std::vector<ArrowSchema> children;
    std::vector<ArrowSchema*> places;
    ArrowSchema values{};
  };
  void describe(const Field& field, ArrowSchema& out) {
    auto& data = *schemas_.emplace_back(std::make_unique<SchemaData>());
    out = {};
    out.format = field.format.c_str();
    out.name = field.name.c_str();
    out.flags = field.nullable ? kNullable : 0;
    data.children.resize(field.children.size());
    for (std::size_t i = 0; i < field.children.size(); ++i) {
      describe(field.children[i], data.children[i]);
      data.places.push_back(&data.children[i]);
    }
    out.n_children = static_cast<std::int64_t>(data.places.size());
    out.children = data.places.data();
    if (field.dictionary) {
      describe(field.values[0], data.values);
      out.dictionary = &data.values;
    }
    out.release = [](ArrowSchema* schema) { schema->release = nullptr; };
  }

  const ReadBytes& read_;
  Field root_;
  std::map<std::int64_t, Batch> dictionaries_;
  std::vector<std::unique_ptr<SchemaData>> schemas_;
  std::exception_ptr problem_;
  std::string error_;
  bool ended_ = false;
  std::uint64_t rows_ = 0;
};

ArrowInput::ArrowInput(const ReadBytes& read) : impl_(std::make_unique<Impl>(read)) {}
ArrowInput::~ArrowInput() = default;
void ArrowInput::connect(ArrowArrayStream& stream) {
  impl_->connect(stream);
}
const std::exception_ptr& ArrowInput::problem() const {
  return impl_->problem();
}
bool ArrowInput::ended() const {
  return impl_->ended();
}
std::uint64_t ArrowInput::rows() const {
  return impl_->rows();
}

}  // namespace agnes::duck
