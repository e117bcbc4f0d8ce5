#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

// State databases that other programs wrote: tests/golden/schema.
#include "core/state/tx.h"

namespace agnes::state {

// The versions there are, in order.
std::vector<int> golden_versions();
// Unpacks the database of a version to `file`; folders are made.
void unpack(int version, const std::filesystem::path& file);
// What has to come out of it: {table: {"columns": [[name, type, nullable], ...], "rows": [[value, ...],
// ...]}}.
boost::json::object expectation(int version);

// The declared schema of the contract, and the one of a database, one line a column, constraint and index.
std::set<std::string> contract_lines();
std::set<std::string> schema_lines(state::Tx& tx);

// The rows of a table, sorted, in the expectation's form: "<now>" for times of today instead of the rows'
// own, "<uuid>", and "group:Admin" for the group's id.
boost::json::array rows_like_expected(state::Tx& tx, const std::string& table,
                                      const boost::json::array& columns);
// The same order for the expectation's rows.
boost::json::array sorted(boost::json::array rows);

}  // namespace agnes::state
