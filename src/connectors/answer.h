#pragma once

#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

// What stands in an answer of a service, which may hold anything: what is not there, or of another kind, is
// empty.
namespace agnes::connectors {

std::string text_at(const boost::json::object& from, std::string_view key);
boost::json::object object_at(const boost::json::object& from, std::string_view key);
// Null when it is not there.
const boost::json::array* list_at(const boost::json::object& from, std::string_view key);
// An id, which some services write as a number and some as a text.
std::string id_at(const boost::json::object& from, std::string_view key);

}  // namespace agnes::connectors
