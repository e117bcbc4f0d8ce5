#include "lib/duck/text_forms.h"

#include <limits>

#include <fmt/format.h>

namespace agnes::duck {

namespace {

constexpr std::int64_t kSecondsOfDay = 86'400;

// Two digits at least.
void append_two(std::string& out, std::int64_t value) {
  fmt::format_to(std::back_inserter(out), "{:02}", value);
}

// The Gregorian date of a day number, also of long ago. Counts from 0000-03-01, so that a leap day ends its
// year.
void append_civil_date(std::string& out, std::int64_t days) {
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const bool before_christ = year <= 0;
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}{}", before_christ ? 1 - year : year, month, day,
                 before_christ ? " (BC)" : "");
}

}  // namespace

Int128 wide(const duckdb_hugeint& value) {
  return static_cast<Int128>((static_cast<UInt128>(static_cast<std::uint64_t>(value.upper)) << 64) |
                             value.lower);
}
UInt128 wide(const duckdb_uhugeint& value) {
  return (static_cast<UInt128>(value.upper) << 64) | value.lower;
}

std::string_view text_of(const duckdb_string_t& value) {
  // Short texts live in the value itself, long ones behind a pointer (duckdb.h).
  return value.value.inlined.length <= 12
             ? std::string_view(value.value.inlined.inlined, value.value.inlined.length)
             : std::string_view(value.value.pointer.ptr, value.value.pointer.length);
}

void append_wide_unsigned(std::string& out, UInt128 value) {
  char digits[40];
  std::size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  out.append(digits + at, sizeof digits - at);
}

void append_wide(std::string& out, Int128 value) {
  if (value < 0) out += '-';
  append_wide_unsigned(out, value < 0 ? ~static_cast<UInt128>(value) + 1 : static_cast<UInt128>(value));
}

void append_decimal(std::string& out, Int128 value, unsigned scale) {
  if (value < 0) out += '-';
  std::string digits;
  append_wide_unsigned(digits, value < 0 ? ~static_cast<UInt128>(value) + 1 : static_cast<UInt128>(value));
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  out.append(digits, 0, digits.size() - scale);
  if (scale > 0) (out += '.').append(digits, digits.size() - scale);
}

void append_date(std::string& out, std::int32_t days) {
  constexpr auto kInfinite = std::numeric_limits<std::int32_t>::max();
  if (days == kInfinite)
    out += "infinity";
  else if (days == -kInfinite)
    out += "-infinity";
  else
    append_civil_date(out, days);
}

void append_time(std::string& out, std::int64_t value, Unit unit) {
  const auto per_second = static_cast<std::int64_t>(unit);
  const std::int64_t seconds = value / per_second, fraction = value % per_second;
  append_two(out, seconds / 3600);
  out += ':';
  append_two(out, seconds / 60 % 60);
  out += ':';
  append_two(out, seconds % 60);
  if (fraction == 0) return;
  const std::int64_t nanos = fraction * (1'000'000'000 / per_second);
  if (nanos % 1000 == 0)
    fmt::format_to(std::back_inserter(out), ".{:06}", nanos / 1000);
  else
    fmt::format_to(std::back_inserter(out), ".{:09}", nanos);
}

void append_time_tz(std::string& out, std::uint64_t bits) {
  constexpr std::int64_t kMaxOffset = 16 * 3600 - 1;
  append_time(out, static_cast<std::int64_t>(bits >> 24), Unit::micros);
  std::int64_t offset = kMaxOffset - static_cast<std::int64_t>(bits & 0xffffff);
  out += offset < 0 ? '-' : '+';
  offset = offset < 0 ? -offset : offset;
  append_two(out, offset / 3600);
  out += ':';
  append_two(out, offset / 60 % 60);
  if (offset % 60 != 0) {
    out += ':';
    append_two(out, offset % 60);
  }
}

bool append_timestamp(std::string& out, std::int64_t value, Unit unit) {
  constexpr auto kInfinite = std::numeric_limits<std::int64_t>::max();
  if (value == kInfinite || value == -kInfinite) {
    out += value > 0 ? "infinity" : "-infinity";
    return false;
  }
  const std::int64_t per_day = kSecondsOfDay * static_cast<std::int64_t>(unit);
  const std::int64_t days = value / per_day - (value % per_day < 0 ? 1 : 0);
  append_civil_date(out, days);
  out += ' ';
  append_time(out, value - days * per_day, unit);
  return true;
}

void append_interval(std::string& out, const duckdb_interval& interval) {
  const std::size_t begin = out.size();
  const auto part = [&](std::int64_t count, std::string_view name) {
    if (count == 0) return;
    fmt::format_to(std::back_inserter(out), "{}{} {}{}", out.size() > begin ? " " : "", count, name,
                   count == 1 || count == -1 ? "" : "s");
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "month");
  part(interval.days, "day");
  if (interval.micros == 0 && out.size() > begin) return;
  if (out.size() > begin) out += ' ';
  if (interval.micros < 0) out += '-';
  // Of the absolute value, which may not fit into the signed type.
  const std::uint64_t micros = interval.micros < 0 ? ~static_cast<std::uint64_t>(interval.micros) + 1
                                                   : static_cast<std::uint64_t>(interval.micros);
  const auto seconds = static_cast<std::int64_t>(micros / 1'000'000);
  append_two(out, seconds / 3600);
  out += ':';
  append_two(out, seconds / 60 % 60);
  out += ':';
  append_two(out, seconds % 60);
  if (micros % 1'000'000 == 0) return;
  std::string fraction = fmt::format(".{:06}", micros % 1'000'000);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  out += fraction;
}

void append_uuid(std::string& out, const duckdb_hugeint& value) {
  // DuckDB turns the first bit round, so that UUIDs sort as they read.
  const std::uint64_t high = static_cast<std::uint64_t>(value.upper) ^ (std::uint64_t{1} << 63),
                      low = value.lower;
  fmt::format_to(std::back_inserter(out), "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32,
                 high >> 16 & 0xffff, high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
}

void append_blob(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    if (c >= 32 && c <= 126 && c != '\\' && c != '\'' && c != '"')
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", static_cast<unsigned char>(c));
  }
}

void append_bits(std::string& out, std::string_view bytes) {
  if (bytes.size() < 2) return;
  const std::size_t unused = static_cast<unsigned char>(bytes[0]);
  for (std::size_t bit = unused; bit < (bytes.size() - 1) * 8; ++bit)
    out += static_cast<unsigned char>(bytes[1 + bit / 8]) >> (7 - bit % 8) & 1 ? '1' : '0';
}

}  // namespace agnes::duck
