#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace agnes::query {

// What a statement's parse tree is checked against.
struct TreeRules {
  std::function<bool(const std::string& lower_case_name)> readable;
  // "line 1, column 8" of a byte offset of the text that was parsed.
  std::function<std::string(std::uint64_t offset)> position;
};

// Walks the tree that json_serialize_sql made of one SELECT (null, empty and default members left out) and
// returns the readable tables that it names, in lower case. Throws Error for everything that is not known to
// be harmless.
std::set<std::string> check_tree(const boost::json::object& statement, const TreeRules& rules);

// A member of a node of such a tree; "" when it has none or it is no text.
std::string_view text_of(const boost::json::object& node, std::string_view member);
// Where in the text a node stands, in bytes; kNowhere when the tree does not say.
std::uint64_t offset_of(const boost::json::object& node);
inline constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

}  // namespace agnes::query
