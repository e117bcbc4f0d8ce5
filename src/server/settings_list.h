#pragma once

#include <string>

namespace agnes::server {

// Every setting of this program, for the commands `settings --json` and `settings`. JSON: {"settings": [{name, path,
// variable, type, default, same_as, ge, le, one_of, allowed, secret, applies: "restart", help, module}],
// "unbuilt": {"settings": [name], "variables": [name]}}; what does not hold is null.
std::string settings_json();
// A line each.
std::string settings_text();

}  // namespace agnes::server
