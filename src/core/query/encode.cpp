#include "core/query/encode.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "lib/base/json.h"
#include "lib/duck/text_forms.h"

namespace agnes::query {

using duck::api;

namespace {

template <class T>
void append_number(std::string& out, T value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

// The shortest digits that read back as the same value; always with a point or an exponent, so that a reader
// that tells whole numbers from others sees the column's type.
template <class T>
void append_float(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const T size = std::fabs(value);
  const bool plain = size == 0 || (size >= T(1e-4) && size < T(1e16));
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  out.append(buffer, end);
  if (plain && std::memchr(buffer, '.', static_cast<std::size_t>(end - buffer)) == nullptr) out += ".0";
}

std::string_view text_at(const void* data, std::size_t row) {
  return duck::text_of(static_cast<const duckdb_string_t*>(data)[row]);
}

std::string in_quotes(std::string_view text) {
  std::string out;
  json::append_text(out, text);
  return out;
}

}  // namespace

// One column, or one level of a nested one: what its type says, and where its values are in the present
// chunk.
struct JsonRows::Column {
  explicit Column(const duck::Type& of)
      : type(of.id), internal(of.stored), scale(of.scale), array_size(of.length) {
    for (const auto& name : of.names) {
      named = named || !name.empty();
      names.push_back(in_quotes(name));
    }
    for (const auto& child : of.children) children.push_back(std::make_unique<Column>(child));
  }

  void bind(duckdb_vector vector) {
    data = api().vector_get_data(vector);
    validity = api().vector_get_validity(vector);
    switch (type) {
      case DUCKDB_TYPE_LIST:
        children[0]->bind(api().list_vector_get_child(vector));
        break;
      case DUCKDB_TYPE_ARRAY:
        children[0]->bind(api().array_vector_get_child(vector));
        break;
      case DUCKDB_TYPE_MAP: {
        const auto entries = api().list_vector_get_child(vector);
        for (idx_t i = 0; i < 2; ++i) children[i]->bind(api().struct_vector_get_child(entries, i));
        break;
      }
      case DUCKDB_TYPE_STRUCT:
        for (idx_t i = 0; i < children.size(); ++i)
          children[i]->bind(api().struct_vector_get_child(vector, i));
        break;
      case DUCKDB_TYPE_UNION: {
        tags =
            static_cast<const std::uint8_t*>(api().vector_get_data(api().struct_vector_get_child(vector, 0)));
        for (idx_t i = 0; i < children.size(); ++i)
          children[i]->bind(api().struct_vector_get_child(vector, i + 1));
        break;
      }
      default:
        break;
    }
  }

  bool is_null(std::size_t row) const {
    return validity != nullptr && (validity[row / 64] >> (row % 64) & 1) == 0;
  }

  template <class T>
  const T& at(std::size_t row) const {
    return static_cast<const T*>(data)[row];
  }

  void write(std::string& out, std::size_t row) const {
    if (is_null(row)) {
      out += "null";
      return;
    }
    switch (type) {
      case DUCKDB_TYPE_BOOLEAN:
        out += at<bool>(row) ? "true" : "false";
        break;
      case DUCKDB_TYPE_TINYINT:
        append_number(out, int{at<std::int8_t>(row)});
        break;
      case DUCKDB_TYPE_SMALLINT:
        append_number(out, at<std::int16_t>(row));
        break;
      case DUCKDB_TYPE_INTEGER:
        append_number(out, at<std::int32_t>(row));
        break;
      case DUCKDB_TYPE_BIGINT:
        append_number(out, at<std::int64_t>(row));
        break;
      case DUCKDB_TYPE_UTINYINT:
        append_number(out, unsigned{at<std::uint8_t>(row)});
        break;
      case DUCKDB_TYPE_USMALLINT:
        append_number(out, at<std::uint16_t>(row));
        break;
      case DUCKDB_TYPE_UINTEGER:
        append_number(out, at<std::uint32_t>(row));
        break;
      case DUCKDB_TYPE_UBIGINT:
        append_number(out, at<std::uint64_t>(row));
        break;
      case DUCKDB_TYPE_HUGEINT:
        duck::append_wide(out, duck::wide(at<duckdb_hugeint>(row)));
        break;
      case DUCKDB_TYPE_UHUGEINT:
        duck::append_wide_unsigned(out, duck::wide(at<duckdb_uhugeint>(row)));
        break;
      case DUCKDB_TYPE_FLOAT:
        append_float(out, at<float>(row));
        break;
      case DUCKDB_TYPE_DOUBLE:
        append_float(out, at<double>(row));
        break;
      case DUCKDB_TYPE_VARCHAR:
        json::append_text(out, text_at(data, row));
        break;
      case DUCKDB_TYPE_ENUM:
        out += names[enum_at(row)];
        break;
      case DUCKDB_TYPE_LIST: {
        const auto entry = at<duckdb_list_entry>(row);
        write_list(out, entry.offset, entry.length);
        break;
      }
      case DUCKDB_TYPE_ARRAY:
        write_list(out, row * array_size, array_size);
        break;
      case DUCKDB_TYPE_MAP:
        write_map(out, at<duckdb_list_entry>(row));
        break;
      case DUCKDB_TYPE_STRUCT:
        write_struct(out, row);
        break;
      case DUCKDB_TYPE_UNION:
        children.at(tags[row])->write(out, row);
        break;
      case DUCKDB_TYPE_SQLNULL:
        out += "null";
        break;
      case DUCKDB_TYPE_BLOB: {
        std::string text;
        duck::append_blob(text, text_at(data, row));
        json::append_text(out, text);
        break;
      }
      default:  // texts without anything to escape
        out += '"';
        write_plain(out, row);
        out += '"';
    }
  }

  void write_plain(std::string& out, std::size_t row) const {
    switch (type) {
      case DUCKDB_TYPE_DECIMAL:
        switch (internal) {
          case DUCKDB_TYPE_SMALLINT:
            duck::append_decimal(out, at<std::int16_t>(row), scale);
            break;
          case DUCKDB_TYPE_INTEGER:
            duck::append_decimal(out, at<std::int32_t>(row), scale);
            break;
          case DUCKDB_TYPE_BIGINT:
            duck::append_decimal(out, at<std::int64_t>(row), scale);
            break;
          default:
            duck::append_decimal(out, duck::wide(at<duckdb_hugeint>(row)), scale);
        }
        break;
      case DUCKDB_TYPE_DATE:
        duck::append_date(out, at<std::int32_t>(row));
        break;
      case DUCKDB_TYPE_TIME:
        duck::append_time(out, at<std::int64_t>(row), duck::Unit::micros);
        break;
      case DUCKDB_TYPE_TIME_NS:
        duck::append_time(out, at<std::int64_t>(row), duck::Unit::nanos);
        break;
      case DUCKDB_TYPE_TIME_TZ:
        duck::append_time_tz(out, at<std::uint64_t>(row));
        break;
      case DUCKDB_TYPE_TIMESTAMP:
        duck::append_timestamp(out, at<std::int64_t>(row), duck::Unit::micros);
        break;
      case DUCKDB_TYPE_TIMESTAMP_S:
        duck::append_timestamp(out, at<std::int64_t>(row), duck::Unit::seconds);
        break;
      case DUCKDB_TYPE_TIMESTAMP_MS:
        duck::append_timestamp(out, at<std::int64_t>(row), duck::Unit::millis);
        break;
      case DUCKDB_TYPE_TIMESTAMP_NS:
        duck::append_timestamp(out, at<std::int64_t>(row), duck::Unit::nanos);
        break;
      case DUCKDB_TYPE_TIMESTAMP_TZ:
        if (duck::append_timestamp(out, at<std::int64_t>(row), duck::Unit::micros)) out += "+00:00";
        break;
      case DUCKDB_TYPE_INTERVAL:
        duck::append_interval(out, at<duckdb_interval>(row));
        break;
      case DUCKDB_TYPE_UUID:
        duck::append_uuid(out, at<duckdb_hugeint>(row));
        break;
      case DUCKDB_TYPE_BIT:
        duck::append_bits(out, text_at(data, row));
        break;
      default:
        break;  // none: the constructor of JsonRows has looked
    }
  }

  std::size_t enum_at(std::size_t row) const {
    switch (internal) {
      case DUCKDB_TYPE_UTINYINT:
        return at<std::uint8_t>(row);
      case DUCKDB_TYPE_USMALLINT:
        return at<std::uint16_t>(row);
      default:
        return at<std::uint32_t>(row);
    }
  }

  void write_list(std::string& out, std::size_t offset, std::size_t length) const {
    out += '[';
    for (std::size_t i = 0; i < length; ++i) {
      if (i > 0) out += ',';
      children[0]->write(out, offset + i);
    }
    out += ']';
  }

  std::string not_finite(std::size_t row) const {
    if (type == DUCKDB_TYPE_FLOAT) return fmt::format("{}", at<float>(row));
    return type == DUCKDB_TYPE_DOUBLE ? fmt::format("{}", at<double>(row)) : "null";
  }

  void write_map(std::string& out, duckdb_list_entry entry) const {
    out += '{';
    for (std::size_t i = entry.offset; i < entry.offset + entry.length; ++i) {
      if (i > entry.offset) out += ',';
      std::string key;
      children[0]->write(key, i);
      // A key is never NULL, so it is a number that JSON does not have; two of them must stay two keys.
      if (key == "null") key = children[0]->not_finite(i);
      if (key.starts_with('"'))
        out += key;
      else
        json::append_text(out, key);
      out += ':';
      children[1]->write(out, i);
    }
    out += '}';
  }

  // A ROW(...) without names is an array.
  void write_struct(std::string& out, std::size_t row) const {
    out += named ? '{' : '[';
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (i > 0) out += ',';
      if (named) (out += names[i]) += ':';
      children[i]->write(out, row);
    }
    out += named ? '}' : ']';
  }

  const duckdb_type type, internal;
  const unsigned scale;
  const idx_t array_size;
  bool named = false;
  std::vector<std::string> names;  // as Type has them, in quotes
  std::vector<std::unique_ptr<Column>> children;

  const void* data = nullptr;
  const std::uint64_t* validity = nullptr;
  const std::uint8_t* tags = nullptr;
};

bool JsonRows::readable(const duck::Type& type) {
  return type.every_part([](duckdb_type part) {
    return duck::is_common(part) || part == DUCKDB_TYPE_UHUGEINT || part == DUCKDB_TYPE_BIT ||
           part == DUCKDB_TYPE_TIME_TZ;
  });
}

JsonRows::JsonRows(duck::Result& result, const std::vector<std::string>& names, Shape shape) : shape_(shape) {
  if (shape_ == Shape::answer) out_ = "{\"columns\":[";
  for (std::size_t c = 0; c < names.size(); ++c) {
    keys_.push_back(in_quotes(names[c]) + ":");
    if (shape_ == Shape::objects) continue;
    if (c > 0) out_ += ',';
    json::append_text(out_, names[c]);
  }
  out_ += shape_ == Shape::answer ? "],\"rows\":[" : "[";
  for (std::size_t c = 0; c < names.size(); ++c) {
    const auto type = duck::column_type(result, c);
    if (!readable(type))
      throw Error(
          ErrorKind::bad_request,
          fmt::format("Column \"{}\" has a type that has no JSON form; cast it to VARCHAR.", names[c]));
    columns_.push_back(std::make_unique<Column>(type));
  }
}

JsonRows::~JsonRows() = default;

bool JsonRows::add(const duck::Chunk& chunk, std::size_t count, std::uint64_t max_bytes) {
  for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c]->bind(chunk.column(c));
  for (std::size_t row = 0; row < count; ++row) {
    const bool objects = shape_ == Shape::objects;
    if (rows_++ > 0) out_ += ',';
    out_ += objects ? '{' : '[';
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) out_ += ',';
      if (objects) out_ += keys_[c];
      columns_[c]->write(out_, row);
    }
    out_ += objects ? '}' : ']';
    if (out_.size() > max_bytes) return false;
  }
  return true;
}

std::string JsonRows::finish(bool truncated) {
  if (shape_ == Shape::objects) return std::move(out_ += ']');
  out_ += fmt::format("],\"row_count\":{},\"truncated\":{}}}", rows_, truncated);
  return std::move(out_);
}

}  // namespace agnes::query
