#include <algorithm>
#include <cmath>

#include "lib/templates/tree.h"

namespace agnes::templates {

namespace json = boost::json;

bool is_true(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return false;
    case json::kind::bool_:
      return value.get_bool();
    case json::kind::int64:
      return value.get_int64() != 0;
    case json::kind::uint64:
      return value.get_uint64() != 0;
    case json::kind::double_:
      return value.get_double() != 0;
    case json::kind::string:
      return !value.get_string().empty();
    case json::kind::array:
      return !value.get_array().empty();
    case json::kind::object:
      return !value.get_object().empty();
  }
  return false;
}

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null()) return "None";
  if (value.is_bool()) return value.get_bool() ? "True" : "False";
  if (value.is_double()) {
    const double number = value.get_double();
    return std::isfinite(number) && number == std::trunc(number) && std::abs(number) < 1e15
               ? fmt::format("{:.1f}", number)
               : fmt::format("{}", number);
  }
  return json::serialize(value);
}

namespace {
bool is_number(const json::value& value) {
  return value.is_number();
}
double number_of(const json::value& value) {
  return value.to_number<double>();
}
}  // namespace

bool is_equal(const json::value& a, const json::value& b) {
  return is_number(a) && is_number(b) ? number_of(a) == number_of(b) : a == b;
}

bool is_less(const json::value& a, const json::value& b, int line) {
  if (is_number(a) && is_number(b)) return number_of(a) < number_of(b);
  if (a.is_string() && b.is_string()) return a.get_string() < b.get_string();
  throw template_error(line, "only two numbers or two texts have an order");
}

bool is_in(const json::value& item, const json::value& all, int line) {
  if (all.is_array())
    return std::any_of(all.get_array().begin(), all.get_array().end(),
                       [&](const json::value& entry) { return is_equal(entry, item); });
  if (item.is_string() && all.is_object()) return all.get_object().contains(item.get_string());
  if (item.is_string() && all.is_string())
    return std::string_view(all.get_string()).find(std::string_view(item.get_string())) !=
           std::string_view::npos;
  throw template_error(line, "`in` looks for a value in a list, or for a text in a text or an object");
}

void Budget::spend_on(const json::value& value, int line) {
  spend(1, line);
  if (value.is_string()) spend(value.get_string().size() / 16, line);
  if (value.is_array())
    for (const auto& entry : value.get_array()) spend_on(entry, line);
  if (value.is_object())
    for (const auto& entry : value.get_object()) spend_on(entry.value(), line);
}

}  // namespace agnes::templates
