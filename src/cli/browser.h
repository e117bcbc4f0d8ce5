#pragma once

#include <optional>
#include <string>

#include "cli/config.h"

namespace agnes::cli {

// A session for somebody who allows it in a browser. When one can be opened here, it hands the code to a port of the
// loopback interface; otherwise, or when `open` is false, the address is shown and the code is typed. Waits five minutes.
// Nothing when the server knows no such way, as older ones. Throws Failure.
std::optional<Token> sign_in_by_browser(const std::string& server, bool open);

// The machine's name, for people to read.
std::string machine_name();

}  // namespace agnes::cli
