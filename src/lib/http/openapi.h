#pragma once

#include "lib/http/route_table.h"

// Inside http/: the API's description, from the routes themselves.
namespace agnes::http {

boost::json::object make_openapi(const ApiInfo& api, const std::vector<std::unique_ptr<Route>>& routes);
// A page that needs nothing else, not even scripts.
std::string make_reference_page(const boost::json::object& openapi);

}  // namespace agnes::http
