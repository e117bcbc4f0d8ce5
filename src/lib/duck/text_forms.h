#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <duckdb.h>

// Texts of DuckDB's values, as answers and printed tables have them. Each appends to `out`.
namespace agnes::duck {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

Int128 wide(const duckdb_hugeint& value);
UInt128 wide(const duckdb_uhugeint& value);
// What the value in a vector refers to; good for as long as the vector.
std::string_view text_of(const duckdb_string_t& value);

enum class Unit : std::int64_t { seconds = 1, millis = 1'000, micros = 1'000'000, nanos = 1'000'000'000 };

void append_wide(std::string& out, Int128 value);
void append_wide_unsigned(std::string& out, UInt128 value);
// 150 of scale 2 is "1.50".
void append_decimal(std::string& out, Int128 value, unsigned scale);
// Days since 1970-01-01; "0044-03-15 (BC)" before the year 1, "infinity", "-infinity".
void append_date(std::string& out, std::int32_t days);
// Since midnight.
void append_time(std::string& out, std::int64_t value, Unit unit);
// DuckDB's TIME WITH TIME ZONE: microseconds and an offset in one number.
void append_time_tz(std::string& out, std::uint64_t bits);
// Since 1970-01-01; false for an infinite one.
bool append_timestamp(std::string& out, std::int64_t value, Unit unit);
// "1 year 2 months 3 days 04:05:06.7"
void append_interval(std::string& out, const duckdb_interval& interval);
void append_uuid(std::string& out, const duckdb_hugeint& value);
// "AB\x00": printable ASCII as it is.
void append_blob(std::string& out, std::string_view bytes);
// DuckDB's BIT: a byte that counts the unused bits of the next one, then the bits.
void append_bits(std::string& out, std::string_view bytes);

}  // namespace agnes::duck
