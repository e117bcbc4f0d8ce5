#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include "lib/base/error.h"

namespace agnes::query {

// What stands behind WHERE in a scan of one table, as a caller wrote it.
struct Predicate {
  std::string text;
  std::string table;                 // the name that its columns may be written with
  std::vector<std::string> columns;  // of the table
};
BOOST_DESCRIBE_STRUCT(Predicate, (), (text, table, columns))

// Judges the predicate by the tree (json_serialize_sql) of "SELECT 1 FROM t WHERE <predicate>": it must be
// one expression over the table's columns, without subqueries, of harmless functions (allowlist.h). Then it
// stays that within brackets in a longer statement.
//
// Throws Error (bad_request) with the contract's detail
//   {"error": "validator_rejected", "kind": "unknown_column", "details": {"column": "x"}, "message": "..."}
// `kind` is parse_error, multi_statement, nested_select, disallowed_node, cross_table_reference,
// unknown_function or unknown_column; of several faults the first in this order. `position` makes
// "line 1, column 8" of a byte offset in what was parsed.
void check_predicate(const boost::json::value& tree, const Predicate& predicate,
                     const std::function<std::string(std::uint64_t offset)>& position);

// The Error of that form.
Error rejected(std::string_view kind, const std::string& message, boost::json::object details = {});

}  // namespace agnes::query
