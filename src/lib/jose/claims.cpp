#include "lib/jose/claims.h"

#include <cmath>

#include <boost/json/parse.hpp>

namespace agnes::jose {

namespace json = boost::json;

std::optional<json::object> parse_object(std::string_view text, std::size_t max_depth) {
  boost::system::error_code error;
  auto value = json::parse(text, error, {}, {.max_depth = max_depth});
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

std::optional<std::int64_t> seconds_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* whole = value->if_int64()) return *whole;
  if (const auto* number = value->if_double(); number != nullptr && std::abs(*number) < 1e15)
    return static_cast<std::int64_t>(*number);
  return std::nullopt;
}

}  // namespace agnes::jose
