#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/duck/text_forms.h"

// What texts say in the types that columns may have. A type holds a text when its value says the same: no digit, sign
// or offset less. docs/files.md has the rules. Spaces around a text do not count.
namespace agnes::connectors::files {

// How a table's settings say that numbers and dates are written.
struct TextForms {
  char decimal = '\0', thousands = '\0';  // '\0': as usual, and none
  std::string order;                      // of day, month and year: "dmy", "mdy", "ymd"; empty: ISO alone
  bool usual() const { return decimal == '\0' && thousands == '\0' && order.empty(); }
};
// The text in the usual form: 1.234,56 is 1234.56, and 1.2.2024 is 2024-02-01 in the order "dmy". A number that is written
// in another way than the settings say gets a '?' before it, so that it is none.
std::string plain_text(std::string_view text, const TextForms& forms);

// A set of types, one bit each.
using TypeSet = std::uint64_t;
constexpr TypeSet kAnyType = ~TypeSet{0};

// The types that hold this text. What is neither NULL nor empty has a value.
TypeSet types_of(std::string_view text);
// Those of numbers, for a number of JSON; NaN, infinity and 1E3 are numbers there.
TypeSet numbers_of(std::string_view text);
// Those of days and times alone, as DuckDB casts them: no spaces around them, and seconds before an offset.
TypeSet moments_of(std::string_view text);
// The first type of docs/files.md that holds all texts of a column, from the types that hold each of them (`&`).
std::string type_of_all(TypeSet types);

// The value, or nothing where the type does not hold the text.
std::optional<bool> to_boolean(std::string_view text);
std::optional<std::int64_t> to_bigint(std::string_view text);
std::optional<double> to_double(std::string_view text);
std::optional<std::int64_t> to_time(std::string_view text);  // microseconds
std::optional<std::int32_t> to_date(std::string_view text);  // days since 1970
std::optional<std::int64_t> to_timestamp(
    std::string_view text);  // microseconds since 1970; a date is its midnight
std::optional<std::int64_t> to_instant(std::string_view text);  // of a text with an offset
std::optional<duck::Int128> to_decimal(std::string_view text, int width, int scale);

// Whether a type that an operator has set, in DuckDB's spelling, holds the text as far as its form goes; that it can be
// cast is DuckDB's to say. More ways to write a value are taken than in `types_of`, none that would be rounded.
bool has_form_of(std::string_view text, std::string_view type);
// A number, date, time or true/false, however it is written: no name of a column.
bool is_value(std::string_view text);

}  // namespace agnes::connectors::files
