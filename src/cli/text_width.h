#pragma once

#include <string>
#include <string_view>

// How wide a text stands on a terminal. Control characters must have been escaped before.
namespace agnes::cli {

std::size_t display_width(std::string_view utf8);
// At most `width` columns wide; a cut is marked by an ellipsis.
std::string cut_to_width(std::string_view utf8, std::size_t width);
std::string pad_right(std::string_view utf8, std::size_t width);
std::string pad_left(std::string_view utf8, std::size_t width);

}  // namespace agnes::cli
