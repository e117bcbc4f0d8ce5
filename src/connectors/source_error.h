#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace agnes::connectors {

// What went wrong with a source, for administrators: {"kind", "message", "hint"}, the last one if there is
// one. Kinds of the contract: not_configured, auth_failed, timeout; ours: unreachable, upstream_error,
// throttled.
Error source_error(ErrorKind status, std::string_view kind, const std::string& message,
                   const std::string& hint = {});

}  // namespace agnes::connectors
