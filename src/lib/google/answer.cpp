#include "lib/google/answer.h"

#include <boost/json/parse.hpp>

namespace agnes::google {

namespace {

constexpr std::size_t kLongestReason = 200;

std::string text_at(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

std::string reason_of(const boost::json::object& answer) {
  if (auto text = text_at(answer, "error_description"); !text.empty()) return text;
  const auto* error = answer.if_contains("error");
  if (error != nullptr && error->is_object()) return text_at(error->get_object(), "message");
  return text_at(answer, "error");
}

}  // namespace

std::string reason_in(const std::string& body) {
  boost::system::error_code error;
  const auto answer = boost::json::parse(body, error, {}, {.max_depth = 16});
  if (error || !answer.is_object()) return "";
  auto text = reason_of(answer.get_object()).substr(0, kLongestReason);
  for (auto& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text.empty() ? "" : " (" + text + ")";
}

}  // namespace agnes::google
