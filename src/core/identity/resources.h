#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>

#include "lib/duck/database.h"

namespace agnes::identity {

// A kind of thing that groups are granted. To add one, add an entry in resources.cpp.
struct ResourceType {
  std::string_view key;  // as grants hold it
  std::string_view display_name, description, id_format;
  bool (*exists)(duck::Connection& connection, const std::string& id);
  // What there is, for the admin page: [{id, name, items: [{resource_id, name, ...}]}].
  boost::json::array (*blocks)(duck::Connection& connection);
};

const std::vector<ResourceType>& resource_types();
// Throws Error (`bad_request`) naming those that exist.
const ResourceType& resource_type_named(std::string_view key);

}  // namespace agnes::identity
