#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace agnes::yaml {

// YAML text as JSON; throws Error (invalid) naming `name` and the line.
boost::json::value parse(const std::string& text, const std::string& name);
// A tree as YAML that `parse` and readers of YAML 1.1 read as the same tree.
std::string to_text(const boost::json::object& tree);

}  // namespace agnes::yaml
