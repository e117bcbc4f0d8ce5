#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "connectors/files/files.h"

namespace agnes::connectors::files {

// What data_source.files.tables says, a spec for each of its keys; what is wrong with one is in `wrong`, by the name of
// the table, as Job has it. Of such a spec only the name and the source count.
std::vector<TableSpec> read_specs(const boost::json::object& tables,
                                  std::map<std::string, std::string>& wrong);

// The path of a table's settings in instance.yaml.
std::string spec_path(const std::string& table);

// " (is types meant?)" for what is close to one of these names, else "".
std::string nearest_name(const std::string& word, const std::vector<std::string>& names);

}  // namespace agnes::connectors::files
