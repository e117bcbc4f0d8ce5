#pragma once

#include <optional>
#include <string>

#include "cli/config.h"

// How the client comes by a token. All throw Failure with what to do next.
namespace agnes::cli {

// A session by email and password; what is missing is asked for. The caller stores it.
Token sign_in(const std::string& server, std::optional<std::string> email = {},
              std::optional<std::string> password = {});

// The token that a new workspace of the server works with: `given` ("-": from standard input), else a personal one made
// with the stored session, else with one for which email and password are asked. The
// caller stores it.
Token token_for_workspace(const std::string& server, const std::optional<std::string>& given);

}  // namespace agnes::cli
