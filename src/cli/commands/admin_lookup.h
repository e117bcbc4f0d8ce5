#pragma once

#include <string>

#include "cli/api.h"

// Names and addresses, as people know things, to the ids of the interface.
namespace agnes::cli {

// An id stays as it is; an email address is looked up. Throws Failure when nobody has it.
std::string user_id_of(Api& api, const std::string& id_or_email);
// By id or name.
std::string group_id_of(Api& api, const std::string& id_or_name);

}  // namespace agnes::cli
