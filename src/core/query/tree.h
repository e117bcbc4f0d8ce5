#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace agnes::query {

// What a statement's parse tree is checked against.
struct TreeRules {
  std::function<bool(const std::string& lower_case_name)> readable;
  // A table with names before its own ("bq.sales.orders"), in lower case, and a table function: whether these may be
  // read too. Empty: none.
  std::function<bool(const std::string& catalog, const std::string& schema, const std::string& name)>
      elsewhere = {};
  std::function<bool(const std::string& lower_case_name)> table_function = {};
  // "line 1, column 8" of a byte offset of the text that was parsed.
  std::function<std::string(std::uint64_t offset)> position;
};

// The readable tables that a statement names, in lower case, and how often each is read when it runs: once
// for each place, through common table expressions too; infinity in the recursive part of one.
struct NamedTables {
  std::set<std::string> names;
  std::map<std::string, double> readings;
};

// Walks the tree that json_serialize_sql made of one SELECT (null, empty and default members left out).
// Throws Error for everything that is not known to be harmless.
NamedTables check_tree(const boost::json::object& statement, const TreeRules& rules);

// A member of a node of such a tree; "" when it has none or it is not text.
std::string_view text_of(const boost::json::object& node, std::string_view member);
// Where in the text a node stands, in bytes; kNowhere when the tree does not say.
std::uint64_t offset_of(const boost::json::object& node);
inline constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

}  // namespace agnes::query
