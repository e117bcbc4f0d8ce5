#include <charconv>
#include <cmath>

#include <boost/json/parse.hpp>

#include "cli/cells.h"
#include "cli/json_text.h"
#include "lib/duck/text_forms.h"
#include "lib/duck/types.h"

namespace agnes::cli {

namespace {
using duck::api;
using duck::Type;
using duck::Unit;
using Kind = Cell::Kind;
std::string float_text_of(float number) {
  if (!std::isfinite(number)) return float_text(static_cast<double>(number));
  // The shortest digits that give this float again, not those of the double it becomes.
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number);
  double wider = 0;
  std::from_chars(buffer, end.ptr, wider);
  return float_text(wider);
}

template <class T>
const T& at(duckdb_vector vector, idx_t row) {
  return static_cast<const T*>(api().vector_get_data(vector))[row];
}
std::string_view text_at(duckdb_vector vector, idx_t row) {
  return duck::text_of(at<duckdb_string_t>(vector, row));
}
// Decimals and enums are stored as the smallest whole number that holds them.
duck::Int128 stored_number(duckdb_vector vector, duckdb_type stored, idx_t row) {
  switch (stored) {
    case DUCKDB_TYPE_SMALLINT:
      return at<std::int16_t>(vector, row);
    case DUCKDB_TYPE_INTEGER:
      return at<std::int32_t>(vector, row);
    case DUCKDB_TYPE_BIGINT:
      return at<std::int64_t>(vector, row);
    case DUCKDB_TYPE_UTINYINT:
      return at<std::uint8_t>(vector, row);
    case DUCKDB_TYPE_USMALLINT:
      return at<std::uint16_t>(vector, row);
    case DUCKDB_TYPE_UINTEGER:
      return at<std::uint32_t>(vector, row);
    default:
      return duck::wide(at<duckdb_hugeint>(vector, row));
  }
}
// What one of duck's append_... functions writes.
template <class Append, class... Values>
std::string form(Append&& append, const Values&... values) {
  std::string out;
  append(out, values...);
  return out;
}

Cell cell_at(duckdb_vector vector, const Type& type, idx_t row);

std::string json_at(duckdb_vector vector, const Type& type, idx_t row) {
  const Cell cell = cell_at(vector, type, row);
  switch (cell.kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
    case Kind::nested:
      return cell.text;
    case Kind::number:
      return cell.text.find_first_of("fa") == cell.text.npos ? cell.text : "null";
    case Kind::decimal:
    case Kind::text:
      break;
  }
  return json_string(cell.text);
}

std::string list_json(duckdb_vector child, const Type& type, idx_t first, idx_t count) {
  std::string out = "[";
  for (idx_t i = 0; i < count; ++i) out += (i > 0 ? ", " : "") + json_at(child, type, first + i);
  return out + "]";
}

std::string map_json(duckdb_vector vector, const Type& type, idx_t row) {
  const auto& entry = at<duckdb_list_entry>(vector, row);
  auto pairs = api().list_vector_get_child(vector);
  auto keys = api().struct_vector_get_child(pairs, 0), values = api().struct_vector_get_child(pairs, 1);
  std::string out = "{";
  for (idx_t i = 0; i < entry.length; ++i) {
    const Cell key = cell_at(keys, type.children[0], entry.offset + i);
    out += (i > 0 ? ", " : "") + json_string(key.text) + ": " +
           json_at(values, type.children[1], entry.offset + i);
  }
  return out + "}";
}

Cell cell_at(duckdb_vector vector, const Type& type, idx_t row) {
  auto* validity = api().vector_get_validity(vector);
  if (validity != nullptr && !api().validity_row_is_valid(validity, row)) return {};
  const auto number = [](auto value) { return Cell{Kind::number, std::to_string(value)}; };
  const auto text = [](std::string value) { return Cell{Kind::text, std::move(value)}; };
  switch (type.id) {
    case DUCKDB_TYPE_BOOLEAN:
      return {Kind::boolean, at<bool>(vector, row) ? "true" : "false"};
    case DUCKDB_TYPE_TINYINT:
      return number(int{at<std::int8_t>(vector, row)});
    case DUCKDB_TYPE_SMALLINT:
      return number(at<std::int16_t>(vector, row));
    case DUCKDB_TYPE_INTEGER:
      return number(at<std::int32_t>(vector, row));
    case DUCKDB_TYPE_BIGINT:
      return number(at<std::int64_t>(vector, row));
    case DUCKDB_TYPE_UTINYINT:
      return number(unsigned{at<std::uint8_t>(vector, row)});
    case DUCKDB_TYPE_USMALLINT:
      return number(at<std::uint16_t>(vector, row));
    case DUCKDB_TYPE_UINTEGER:
      return number(at<std::uint32_t>(vector, row));
    case DUCKDB_TYPE_UBIGINT:
      return number(at<std::uint64_t>(vector, row));
    case DUCKDB_TYPE_HUGEINT:
      return {Kind::number, form(duck::append_wide, duck::wide(at<duckdb_hugeint>(vector, row)))};
    case DUCKDB_TYPE_UHUGEINT:
      return {Kind::number, form(duck::append_wide_unsigned, duck::wide(at<duckdb_uhugeint>(vector, row)))};
    case DUCKDB_TYPE_FLOAT:
      return {Kind::number, float_text_of(at<float>(vector, row))};
    case DUCKDB_TYPE_DOUBLE:
      return {Kind::number, float_text(at<double>(vector, row))};
    case DUCKDB_TYPE_DECIMAL:
      return {Kind::decimal, form(duck::append_decimal, stored_number(vector, type.stored, row), type.scale)};
    case DUCKDB_TYPE_VARCHAR:
      return text(std::string(text_at(vector, row)));
    case DUCKDB_TYPE_BLOB:
      return text(form(duck::append_blob, text_at(vector, row)));
    case DUCKDB_TYPE_BIT:
      return text(form(duck::append_bits, text_at(vector, row)));
    case DUCKDB_TYPE_DATE:
      return text(form(duck::append_date, at<std::int32_t>(vector, row)));
    case DUCKDB_TYPE_TIMESTAMP:
      return text(form(duck::append_timestamp, at<std::int64_t>(vector, row), Unit::micros));
    case DUCKDB_TYPE_TIMESTAMP_S:
      return text(form(duck::append_timestamp, at<std::int64_t>(vector, row), Unit::seconds));
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return text(form(duck::append_timestamp, at<std::int64_t>(vector, row), Unit::millis));
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return text(form(duck::append_timestamp, at<std::int64_t>(vector, row), Unit::nanos));
    case DUCKDB_TYPE_TIMESTAMP_TZ: {
      std::string moment;
      if (duck::append_timestamp(moment, at<std::int64_t>(vector, row), Unit::micros)) moment += "+00:00";
      return text(std::move(moment));
    }
    case DUCKDB_TYPE_TIME:
      return text(form(duck::append_time, at<std::int64_t>(vector, row), Unit::micros));
    case DUCKDB_TYPE_TIME_NS:
      return text(form(duck::append_time, at<std::int64_t>(vector, row), Unit::nanos));
    case DUCKDB_TYPE_TIME_TZ:
      return text(form(duck::append_time_tz, at<std::uint64_t>(vector, row)));
    case DUCKDB_TYPE_INTERVAL:
      return text(form(duck::append_interval, at<duckdb_interval>(vector, row)));
    case DUCKDB_TYPE_UUID:
      return text(form(duck::append_uuid, at<duckdb_hugeint>(vector, row)));
    case DUCKDB_TYPE_ENUM:
      return text(type.names[static_cast<std::size_t>(stored_number(vector, type.stored, row))]);
    case DUCKDB_TYPE_LIST: {
      const auto& entry = at<duckdb_list_entry>(vector, row);
      return {Kind::nested,
              list_json(api().list_vector_get_child(vector), type.children[0], entry.offset, entry.length)};
    }
    case DUCKDB_TYPE_ARRAY:
      return {Kind::nested, list_json(api().array_vector_get_child(vector), type.children[0],
                                      row * type.length, type.length)};
    case DUCKDB_TYPE_STRUCT: {
      // row(1, 2) has fields without names: a list.
      const bool named =
          std::any_of(type.names.begin(), type.names.end(), [](const auto& name) { return !name.empty(); });
      std::string out = named ? "{" : "[";
      for (std::size_t i = 0; i < type.children.size(); ++i)
        out += (i > 0 ? ", " : "") + (named ? json_string(type.names[i]) + ": " : "") +
               json_at(api().struct_vector_get_child(vector, i), type.children[i], row);
      return {Kind::nested, out + (named ? "}" : "]")};
    }
    case DUCKDB_TYPE_MAP:
      return {Kind::nested, map_json(vector, type, row)};
    case DUCKDB_TYPE_UNION: {
      // A struct whose first child says which of the others holds the value.
      const auto tag = at<std::uint8_t>(api().struct_vector_get_child(vector, 0), row);
      return cell_at(api().struct_vector_get_child(vector, tag + idx_t{1}), type.children[tag], row);
    }
    case DUCKDB_TYPE_SQLNULL:
      return {};
    default:
      return text(fmt::format("(DuckDB type {}: cast it to VARCHAR to see it)", static_cast<int>(type.id)));
  }
}
}  // namespace

boost::json::value json_value(const Cell& cell) {
  if (cell.kind == Cell::Kind::null) return nullptr;
  if (cell.kind == Cell::Kind::text || cell.kind == Cell::Kind::decimal) return boost::json::value(cell.text);
  boost::system::error_code error;
  auto value = boost::json::parse(cell.text, error);
  return error ? boost::json::value(nullptr) : value;
}

boost::json::object json_object(const std::vector<std::string>& columns, const Row& row) {
  boost::json::object out;
  for (std::size_t c = 0; c < row.size(); ++c) out[columns[c]] = json_value(row[c]);
  return out;
}

ResultReader::ResultReader(duck::Result& result) : result_(result) {
  for (std::size_t c = 0; c < result.column_count(); ++c) {
    columns_.push_back(result.column_name(c));
    types_.push_back(duck::column_type(result, c));
  }
}

std::vector<Row> ResultReader::next() {
  std::vector<Row> rows;
  while (duck::Chunk chunk = result_.fetch()) {
    if (chunk.size() == 0) continue;
    rows.resize(chunk.size(), Row(types_.size()));
    for (std::size_t c = 0; c < types_.size(); ++c) {
      const auto vector = chunk.column(c);
      for (std::size_t r = 0; r < rows.size(); ++r) rows[r][c] = cell_at(vector, types_[c], r);
    }
    break;
  }
  return rows;
}

}  // namespace agnes::cli
