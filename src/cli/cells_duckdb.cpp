#include <charconv>
#include <cmath>

#include "cli/cells.h"
#include "cli/json_text.h"

namespace agnes::cli {

namespace {
using duck::api;
using Kind = Cell::Kind;
// Spelled with __extension__ because -Wpedantic knows no 128-bit numbers.
__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

std::string digits_of(UnsignedWide number) {
  std::string out;
  do {
    out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(number % 10)));
    number /= 10;
  } while (number != 0);
  return out;
}
std::string digits_of(Wide number) {
  if (number >= 0) return digits_of(static_cast<UnsignedWide>(number));
  return "-" + digits_of(UnsignedWide{0} - static_cast<UnsignedWide>(number));
}
Wide wide_of(const duckdb_hugeint& value) {
  return static_cast<Wide>((static_cast<UnsignedWide>(static_cast<std::uint64_t>(value.upper)) << 64) |
                           value.lower);
}

std::string decimal_text(Wide number, int scale) {
  std::string digits = digits_of(number < 0 ? UnsignedWide{0} - static_cast<UnsignedWide>(number)
                                            : static_cast<UnsignedWide>(number));
  const auto places = static_cast<std::size_t>(scale);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  if (places > 0) digits.insert(digits.size() - places, ".");
  return (number < 0 ? "-" : "") + digits;
}

std::string float_text_of(float number) {
  if (!std::isfinite(number)) return float_text(static_cast<double>(number));
  // The shortest digits that give this float again, not those of the double it becomes.
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number);
  double wider = 0;
  std::from_chars(buffer, end.ptr, wider);
  return float_text(wider);
}

struct Day {
  std::int64_t year;
  int month, day;
};
// Days since 1970-01-01 in the Gregorian calendar. Counted from 1 March of year 0, so that the leap day comes
// last.
Day day_of(std::int64_t days) {
  constexpr std::int64_t kEra = 146097;  // days in 400 years
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - kEra + 1) / kEra;
  const std::int64_t in_era = days - era * kEra;
  const std::int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  const std::int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
  const auto shifted = static_cast<int>((5 * in_year + 2) / 153);
  const int month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year + era * 400 + (month <= 2 ? 1 : 0), month,
          static_cast<int>(in_year - (153 * shifted + 2) / 5) + 1};
}
std::string date_digits(std::int64_t days, bool& before_christ) {
  const Day d = day_of(days);
  before_christ = d.year <= 0;
  return fmt::format("{:04}-{:02}-{:02}", before_christ ? 1 - d.year : d.year, d.month, d.day);
}
std::string date_text(std::int64_t days) {
  bool before_christ = false;
  const std::string digits = date_digits(days, before_christ);
  return before_christ ? digits + " (BC)" : digits;
}
// `unit` parts a second: 1, 1,000, 1,000,000 or 1,000,000,000.
std::string time_text(std::int64_t parts, std::int64_t unit) {
  const std::int64_t seconds = parts / unit, fraction = parts % unit;
  std::string out = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction == 0) return out;
  // At least microseconds, as Python and DuckDB print them.
  const std::int64_t nanos = fraction * (1'000'000'000 / unit);
  return out + (nanos % 1000 == 0 ? fmt::format(".{:06}", nanos / 1000) : fmt::format(".{:09}", nanos));
}
std::string moment_text(std::int64_t parts, std::int64_t unit) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (parts == kMost) return "infinity";
  if (parts == -kMost) return "-infinity";
  const std::int64_t day_parts = 86400 * unit;
  std::int64_t days = parts / day_parts;
  if (parts % day_parts < 0) --days;
  bool before_christ = false;
  const std::string date = date_digits(days, before_christ);
  return date + " " + time_text(parts - days * day_parts, unit) + (before_christ ? " (BC)" : "");
}

std::string interval_text(const duckdb_interval& value) {
  std::string out;
  const auto add = [&](std::int64_t count, const char* unit) {
    if (count != 0)
      out += fmt::format("{}{} {}{}", out.empty() ? "" : " ", count, unit, std::abs(count) == 1 ? "" : "s");
  };
  add(value.months / 12, "year");
  add(value.months % 12, "month");
  add(value.days, "day");
  if (value.micros != 0 || out.empty())
    out += (out.empty() ? "" : " ") + std::string(value.micros < 0 ? "-" : "") +
           time_text(std::abs(value.micros), 1'000'000);
  return out;
}

std::string uuid_text(const duckdb_hugeint& value) {
  // DuckDB flips the top bit so that UUIDs sort as numbers.
  const auto upper = static_cast<std::uint64_t>(value.upper) ^ (std::uint64_t{1} << 63);
  const std::string hex = fmt::format("{:016x}{:016x}", upper, value.lower);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

std::string blob_text(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes) {
    if (c >= 0x20 && c < 0x7f && c != '\\' && c != '\'' && c != '"')
      out += static_cast<char>(c);
    else
      out += fmt::format("\\x{:02X}", c);
  }
  return out;
}
std::string bit_text(std::string_view bytes) {
  // The first byte says how many bits of the second are padding.
  std::string out;
  const std::size_t padding = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]);
  for (std::size_t i = 8 + padding; i < bytes.size() * 8; ++i)
    out += ((static_cast<unsigned char>(bytes[i / 8]) >> (7 - i % 8)) & 1) != 0 ? '1' : '0';
  return out;
}

// A column's type with what reading its values needs.
struct Type {
  explicit Type(duckdb_logical_type logical) : id(api().get_type_id(logical)) {
    const auto add_child = [&](duckdb_logical_type child, const char* name = nullptr) {
      children.emplace_back(child);
      names.emplace_back(name != nullptr ? name : "");
      api().destroy_logical_type(&child);
    };
    const auto add_named = [&](duckdb_logical_type child, char* name) {
      add_child(child, name);
      api().free(name);
    };
    switch (id) {
      case DUCKDB_TYPE_DECIMAL:
        stored = api().decimal_internal_type(logical);
        scale = api().decimal_scale(logical);
        break;
      case DUCKDB_TYPE_ENUM:
        stored = api().enum_internal_type(logical);
        for (std::uint32_t i = 0; i < api().enum_dictionary_size(logical); ++i) {
          char* name = api().enum_dictionary_value(logical, i);
          names.emplace_back(name);
          api().free(name);
        }
        break;
      case DUCKDB_TYPE_LIST:
        add_child(api().list_type_child_type(logical));
        break;
      case DUCKDB_TYPE_ARRAY:
        add_child(api().array_type_child_type(logical));
        length = api().array_type_array_size(logical);
        break;
      case DUCKDB_TYPE_MAP:
        add_child(api().map_type_key_type(logical));
        add_child(api().map_type_value_type(logical));
        break;
      case DUCKDB_TYPE_STRUCT:
        for (idx_t i = 0; i < api().struct_type_child_count(logical); ++i)
          add_named(api().struct_type_child_type(logical, i), api().struct_type_child_name(logical, i));
        break;
      case DUCKDB_TYPE_UNION:
        for (idx_t i = 0; i < api().union_type_member_count(logical); ++i)
          add_named(api().union_type_member_type(logical, i), api().union_type_member_name(logical, i));
        break;
      default:
        break;
    }
  }

  duckdb_type id;
  duckdb_type stored = DUCKDB_TYPE_INVALID;
  int scale = 0;
  idx_t length = 0;
  std::vector<Type> children;
  std::vector<std::string> names;
};

template <class T>
const T& at(duckdb_vector vector, idx_t row) {
  return static_cast<const T*>(api().vector_get_data(vector))[row];
}
std::string_view text_at(duckdb_vector vector, idx_t row) {
  const auto& text = at<duckdb_string_t>(vector, row);
  // Up to 12 bytes lie in the value itself (duckdb.h).
  return text.value.inlined.length <= 12
             ? std::string_view(text.value.inlined.inlined, text.value.inlined.length)
             : std::string_view(text.value.pointer.ptr, text.value.pointer.length);
}
Wide stored_number(duckdb_vector vector, duckdb_type stored, idx_t row) {
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
      return wide_of(at<duckdb_hugeint>(vector, row));
  }
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
      return {Kind::number, digits_of(wide_of(at<duckdb_hugeint>(vector, row)))};
    case DUCKDB_TYPE_UHUGEINT: {
      const auto& value = at<duckdb_uhugeint>(vector, row);
      return {Kind::number, digits_of((static_cast<UnsignedWide>(value.upper) << 64) | value.lower)};
    }
    case DUCKDB_TYPE_FLOAT:
      return {Kind::number, float_text_of(at<float>(vector, row))};
    case DUCKDB_TYPE_DOUBLE:
      return {Kind::number, float_text(at<double>(vector, row))};
    case DUCKDB_TYPE_DECIMAL:
      return {Kind::decimal, decimal_text(stored_number(vector, type.stored, row), type.scale)};
    case DUCKDB_TYPE_VARCHAR:
      return text(std::string(text_at(vector, row)));
    case DUCKDB_TYPE_BLOB:
      return text(blob_text(text_at(vector, row)));
    case DUCKDB_TYPE_BIT:
      return text(bit_text(text_at(vector, row)));
    case DUCKDB_TYPE_DATE: {
      const std::int32_t days = at<std::int32_t>(vector, row);
      constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
      if (days == kMost || days == -kMost) return text(days > 0 ? "infinity" : "-infinity");
      return text(date_text(days));
    }
    case DUCKDB_TYPE_TIMESTAMP:
      return text(moment_text(at<std::int64_t>(vector, row), 1'000'000));
    case DUCKDB_TYPE_TIMESTAMP_S:
      return text(moment_text(at<std::int64_t>(vector, row), 1));
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return text(moment_text(at<std::int64_t>(vector, row), 1000));
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return text(moment_text(at<std::int64_t>(vector, row), 1'000'000'000));
    case DUCKDB_TYPE_TIMESTAMP_TZ: {
      std::string moment = moment_text(at<std::int64_t>(vector, row), 1'000'000);
      return text(moment.ends_with("infinity") ? moment : moment + "+00:00");
    }
    case DUCKDB_TYPE_TIME:
      return text(time_text(at<std::int64_t>(vector, row), 1'000'000));
    case DUCKDB_TYPE_TIME_TZ: {
      // 40 bits of microseconds, then 24 of the offset, counted down from 15:59:59.
      const auto bits = at<std::uint64_t>(vector, row);
      const auto offset = 57599 - static_cast<std::int64_t>(bits & 0xffffff);
      return text(time_text(static_cast<std::int64_t>(bits >> 24), 1'000'000) +
                  fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 3600,
                              std::abs(offset) / 60 % 60));
    }
    case DUCKDB_TYPE_INTERVAL:
      return text(interval_text(at<duckdb_interval>(vector, row)));
    case DUCKDB_TYPE_UUID:
      return text(uuid_text(at<duckdb_hugeint>(vector, row)));
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

ResultTable read_result(duck::Result& result, std::int64_t limit) {
  ResultTable table;
  std::vector<Type> types;
  for (std::size_t c = 0; c < result.column_count(); ++c) {
    table.columns.push_back(result.column_name(c));
    auto logical = api().column_logical_type(result.handle(), c);
    types.emplace_back(logical);
    api().destroy_logical_type(&logical);
  }
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(limit, 0));
  while (duck::Chunk chunk = result.fetch()) {
    const std::size_t room = most - table.rows.size();
    const std::size_t count = std::min(chunk.size(), room);
    table.more = chunk.size() > room;
    const std::size_t first = table.rows.size();
    table.rows.resize(first + count, std::vector<Cell>(types.size()));
    for (std::size_t c = 0; c < types.size(); ++c) {
      const auto vector = chunk.column(c);
      for (std::size_t r = 0; r < count; ++r) table.rows[first + r][c] = cell_at(vector, types[c], r);
    }
    if (table.more) break;
  }
  return table;
}

}  // namespace agnes::cli
