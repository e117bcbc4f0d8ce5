#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agnes::query {

// `text` for a message: control characters escaped, cut after `bytes` where it is longer.
std::string shortened(std::string_view text, std::size_t bytes);

}  // namespace agnes::query
