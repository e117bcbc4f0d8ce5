#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

// JSON as this program prints it: two spaces a level, UTF-8 as it is, floats in their shortest form with a
// point.
namespace agnes::cli {

// `width`: what fits into so many columns stands on one line.
std::string pretty(const boost::json::value& value, std::size_t width = 0);
// To standard output, as --json prints.
void print_json(const boost::json::value& value);
std::string compact(const boost::json::value& value);
// `pretty` of JSON text (`is_json`), in which numbers keep all their digits.
std::string pretty_text(std::string_view json);
// Whether it is JSON, of whatever depth a row may have.
bool is_json(std::string_view text);
std::string json_string(std::string_view text);  // with quotes and escapes
// "0.1", "5.0", "1e+16", "inf", "nan"
std::string float_text(double number);

// The text of a JSON value for people: a string without quotes, null as "".
std::string plain(const boost::json::value& value);
// The member's plain text; "" when there is none.
std::string plain(const boost::json::object& object, std::string_view key);
// The same for a terminal: control characters, with which a server could play tricks, are escaped.
std::string shown(const boost::json::object& object, std::string_view key);

}  // namespace agnes::cli
