#include "connectors/answer.h"

#include <boost/json/serialize.hpp>

namespace agnes::connectors {

using boost::json::object;

std::string text_at(const object& from, std::string_view key) {
  const auto* found = from.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

object object_at(const object& from, std::string_view key) {
  const auto* found = from.if_contains(key);
  return found != nullptr && found->is_object() ? found->get_object() : object{};
}

const boost::json::array* list_at(const object& from, std::string_view key) {
  const auto* found = from.if_contains(key);
  return found == nullptr ? nullptr : found->if_array();
}

std::string id_at(const object& from, std::string_view key) {
  const auto* found = from.if_contains(key);
  return found != nullptr && found->is_number() ? boost::json::serialize(*found) : text_at(from, key);
}

}  // namespace agnes::connectors
