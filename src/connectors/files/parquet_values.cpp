#include "connectors/files/parquet_values.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "connectors/files/read.h"
#include "connectors/files/set_types.h"
#include "connectors/files/value_functions.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"
#include "lib/duck/text_forms.h"
#include "lib/duck/types.h"

namespace agnes::connectors::files {

namespace {

using duck::api;

constexpr std::int64_t kNanosOfDay = 86'400'000'000'000;
constexpr std::int64_t kJulianEpoch = 2'440'588;  // 1970-01-01
// Days that TIMESTAMP and TIMESTAMP_NS have.
constexpr std::int64_t kDays = 106'751'990, kDaysOfNanos = 106'750;
constexpr std::int64_t kLeastNanos = -kDaysOfNanos * kNanosOfDay,
                       kMostNanos = std::numeric_limits<std::int64_t>::max() - 1;  // the next one is infinity

// Whether a value of VARIANT (https://github.com/apache/parquet-format/blob/master/VariantEncoding.md) holds an instant
// in nanoseconds that microseconds do not hold. What makes no sense is for DuckDB to tell; `left` ends what has no end.
bool has_fine_instant(std::string_view value, std::size_t& left) {
  constexpr unsigned scalar = 0, short_text = 1, object = 2, instant = 18;
  const auto number = [&](std::size_t at, std::size_t size) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < size; ++i)
      out |= std::uint64_t{static_cast<unsigned char>(value[at + i])} << (8 * i);
    return out;
  };
  if (left == 0) return true;
  --left;
  if (value.empty()) return false;
  const unsigned kind = static_cast<unsigned char>(value[0]) & 3,
                 info = static_cast<unsigned char>(value[0]) >> 2;
  if (kind == scalar)
    return info == instant && value.size() > 8 && static_cast<std::int64_t>(number(1, 8)) % 1000 != 0;
  if (kind == short_text) return false;
  const std::size_t place = (info & 3) + 1, id = kind == object ? ((info >> 2) & 3) + 1 : 0;
  const std::size_t size = (info >> (kind == object ? 4 : 2) & 1) != 0 ? 4 : 1;
  if (value.size() < 1 + size) return false;
  const auto count = number(1, size), places = 1 + size + count * id, begin = places + (count + 1) * place;
  if (begin > value.size()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto offset = number(places + i * place, place);
    if (offset < value.size() - begin && has_fine_instant(value.substr(begin + offset), left)) return true;
  }
  return false;
}

// Walks through values of nested columns down to the leaves with nanoseconds.
class NanosWalk {
 public:
  NanosWalk(const ParquetFooter& footer, NanosFound& found) : footer_(footer), found_(found) {}

  void value(const duck::Type& type, duckdb_vector vector, std::size_t row, std::size_t leaf) {
    auto* validity = api().vector_get_validity(vector);
    if (validity != nullptr && !api().validity_row_is_valid(validity, row)) return;
    const auto* data = api().vector_get_data(vector);
    switch (type.id) {
      case DUCKDB_TYPE_LIST: {
        const auto entry = static_cast<const duckdb_list_entry*>(data)[row];
        const auto child = api().list_vector_get_child(vector);
        for (auto i = entry.offset; i < entry.offset + entry.length; ++i)
          value(type.children[0], child, i, leaf);
        break;
      }
      case DUCKDB_TYPE_MAP: {
        const auto entry = static_cast<const duckdb_list_entry*>(data)[row];
        const auto entries = api().list_vector_get_child(vector);
        for (auto i = entry.offset; i < entry.offset + entry.length; ++i) members(type, entries, i, leaf);
        break;
      }
      case DUCKDB_TYPE_STRUCT:
        members(type, vector, row, leaf);
        break;
      default:
        check(footer_.leaves.at(leaf), data, row);
    }
  }

  static std::size_t leaves(const duck::Type& type) {
    if (type.children.empty()) return 1;
    std::size_t out = 0;
    for (const auto& child : type.children) out += leaves(child);
    return out;
  }

 private:
  void members(const duck::Type& type, duckdb_vector vector, std::size_t row, std::size_t leaf) {
    for (std::size_t i = 0; i < type.children.size(); ++i) {
      value(type.children[i], api().struct_vector_get_child(vector, i), row, leaf);
      leaf += leaves(type.children[i]);
    }
  }

  void check(const ParquetLeaf& leaf, const void* data, std::size_t row) {
    std::int64_t nanos = 0;
    if (leaf.nanos == Nanos::none) return;
    if (leaf.nanos == Nanos::variant) {
      const auto bytes = duck::text_of(static_cast<const duckdb_string_t*>(data)[row]);
      std::size_t left = bytes.size() + 1;  // each value has a byte
      if (has_fine_instant(bytes, left))
        found_.inexact[leaf.column] = found_.out_of_range[leaf.column] = true;
      return;
    }
    if (leaf.nanos == Nanos::int96) {
      const auto text = duck::text_of(static_cast<const duckdb_string_t*>(data)[row]);
      std::int32_t day = 0;
      std::memcpy(&nanos, text.data(), 8);
      std::memcpy(&day, text.data() + 8, 4);
      const auto days = day - kJulianEpoch;
      if (nanos < 0 || nanos > kNanosOfDay || days < -kDays || days > kDays)
        found_.out_of_range[leaf.column] = true;
      if (days < -kDaysOfNanos || days > kDaysOfNanos) far_[leaf.column] = true;
    } else {
      nanos = static_cast<const std::int64_t*>(data)[row];
      if (nanos < kLeastNanos || nanos > kMostNanos) far_[leaf.column] = true;
    }
    if (nanos % 1000 != 0) found_.inexact[leaf.column] = true;
    if (found_.inexact[leaf.column] && far_[leaf.column]) found_.out_of_range[leaf.column] = true;
  }

  const ParquetFooter& footer_;
  NanosFound& found_;
  std::map<std::size_t, bool> far_;
};

bool is_text(std::string_view type) {
  return type == "VARCHAR" || type == "JSON" || type.starts_with("ENUM(");
}

}  // namespace

NanosFound find_nanos(duck::Connection& connection, const std::string& twin, const ParquetFooter& footer) {
  NanosFound out;
  out.inexact.resize(footer.columns.size());
  out.out_of_range.resize(footer.columns.size());
  NanosWalk walk(footer, out);
  std::vector<std::string> names;
  const std::string from = fmt::format("read_parquet({}, hive_partitioning = false)", twin);
  for (const auto& row : connection.execute("DESCRIBE FROM " + from).rows())
    names.push_back(std::get<std::string>(row.at(0)));
  std::vector<std::size_t> first;  // leaf of each column that is looked at
  std::string list;
  for (std::size_t i = 0; i < footer.leaves.size(); ++i) {
    const auto& leaf = footer.leaves[i];
    if (leaf.nanos == Nanos::none || (!first.empty() && footer.leaves[first.back()].column == leaf.column))
      continue;
    std::size_t begin = i;
    while (begin > 0 && footer.leaves[begin - 1].column == leaf.column) --begin;
    first.push_back(begin);
    list += (list.empty() ? "" : ", ") + duck::quote_identifier(names.at(leaf.column));
  }
  auto result = connection.stream(fmt::format("SELECT {} FROM {}", list, from));
  std::vector<duck::Type> types;
  for (std::size_t i = 0; i < first.size(); ++i) {
    types.push_back(duck::column_type(result, i));
    const auto column = footer.leaves[first[i]].column;
    const auto held = std::count_if(footer.leaves.begin(), footer.leaves.end(),
                                    [&](const ParquetLeaf& leaf) { return leaf.column == column; });
    // Not as it is stored: what is in it cannot be told.
    if (NanosWalk::leaves(types.back()) != static_cast<std::size_t>(held)) out.out_of_range[column] = true;
  }
  while (auto chunk = result.fetch())
    for (std::size_t i = 0; i < first.size(); ++i) {
      const auto column = footer.leaves[first[i]].column;
      if (out.out_of_range[column]) continue;
      const auto vector = chunk.column(i);
      for (std::size_t row = 0; row < chunk.size(); ++row) walk.value(types[i], vector, row, first[i]);
    }
  return out;
}

std::string exact_nanos_sql(const std::string& name, Nanos kind) {
  if (kind == Nanos::instant) return fmt::format("CAST(make_timestamp_ns({}) AS VARCHAR) || '+00:00'", name);
  // Eight bytes of nanoseconds since midnight and four of the Julian day, the lowest first.
  const auto number = [&](int first, int count) {
    std::string digits = "'0x'";
    for (int byte = first + count - 1; byte >= first; --byte)
      digits += fmt::format(" || hex({})[{}:{}]", name, 2 * byte + 1, 2 * byte + 2);
    return fmt::format("CAST({} AS BIGINT)", digits);
  };
  return fmt::format("make_timestamp_ns(({} - {}) * {} + {})", number(8, 4), kJulianEpoch, kNanosOfDay,
                     number(0, 8));
}

std::string has_times_sql(const std::string& name, std::string_view type) {
  return every_part_sql(
      name, parse_type(type), [](const std::string& part, const SetType& each) -> std::string {
        std::string holds;
        if (each.name == "TIME" || each.name == "TIME_NS")
          holds = fmt::format("{0} BETWEEN '00:00:00'::{1} AND '24:00:00'::{1}", part, each.name);
        else if (each.name == "TIMESTAMP_NS")
          holds = fmt::format("(isfinite({0}) AND {0} >= '1677-09-22'::TIMESTAMP_NS)", part);
        else if (each.name == "TIMESTAMP" || each.name == "TIMESTAMP WITH TIME ZONE")
          holds = fmt::format("NOT isfinite({0}) OR {0} >= '290309-12-22 (BC) 00:00:00+00'::{1}", part,
                              each.name);
        return holds.empty() ? "true" : fmt::format("({} IS NULL OR {})", part, holds);
      });
}

std::string has_keys_once_sql(const std::string& name, std::string_view type) {
  return every_part_sql(
      name, parse_type(type), [](const std::string& part, const SetType& each) -> std::string {
        if (each.kind != SetType::Kind::map) return "true";
        return fmt::format("({0} IS NULL OR len(list_distinct(map_keys({0}))) = cardinality({0}))", part);
      });
}

std::string keeps_value_sql(const std::string& name, std::string_view from, std::string_view to) {
  if (to == "VARCHAR" || from == to) return "true";
  if (is_text(from)) return fits_set_type_sql(fmt::format("CAST({} AS VARCHAR)", name), std::string(to));
  // Without its offset an instant is another value, also inside of a list.
  constexpr std::string_view instant = "TIMESTAMP WITH TIME ZONE";
  if (from == instant) return "false";
  const std::string others = replaced(std::string(to), instant, "");
  if (from.find(instant) != std::string_view::npos &&
      (others.find("TIME") != std::string::npos || others.find("DATE") != std::string::npos))
    return "false";
  return fmt::format("CAST(TRY_CAST({0} AS {1}) AS {2}) IS NOT DISTINCT FROM {0}", name, to, from);
}

}  // namespace agnes::connectors::files
