#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

// Inside jose/: the parts of tokens and keys, which are JSON of strangers.
namespace agnes::jose {

// Nothing for what is not an object, or is nested deeper.
std::optional<boost::json::object> parse_object(std::string_view text, std::size_t max_depth);
// "" for a member that is missing or no text.
std::string text_at(const boost::json::object& object, std::string_view key);
// A NumericDate: a whole number, or one with a fraction that is cut off.
std::optional<std::int64_t> seconds_at(const boost::json::object& object, std::string_view key);

}  // namespace agnes::jose
