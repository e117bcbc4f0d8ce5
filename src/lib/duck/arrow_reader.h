#pragma once

#include <cstdint>
#include <string>

#include "lib/duck/arrow_input.h"
#include "lib/duck/database.h"

namespace agnes::duck {

// Runs `statement`, for which an Arrow IPC stream (arrow_stream.h) is the view `name`: a batch at a time, so that memory holds
// a few of them. Answers the rows of the stream. The stream may be of any writer, as long as it is not compressed and has no
// views, run-end encoding, dense unions or 256-bit decimals. It is not trusted: every length and place in it is
// checked. `read` is called by one thread at a time. Throws what `read` throws, Error (bad_gateway) for a stream that is
// malformed or cut, QueryError.
std::uint64_t read_arrow(Connection& connection, const std::string& name, const ReadBytes& read,
                         const std::string& statement);

}  // namespace agnes::duck
