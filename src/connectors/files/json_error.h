#pragma once

#include <cstdint>
#include <optional>

#include "connectors/files/scan.h"
#include "lib/duck/database.h"

namespace agnes::connectors::files {

// The line in which a JSON text stops being one (the first line is 1): of a file of one value, or of objects
// one after the other. Nothing when it is well-formed, or cannot be told (a line of more than 1 MB). Reads
// line by line, in bounded memory, compressed files too.
std::optional<std::int64_t> first_bad_json_line(duck::Connection& connection, const SourceFile& file);

}  // namespace agnes::connectors::files
