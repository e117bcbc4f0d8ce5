#pragma once

#include <string>
#include <string_view>

namespace agnes {

// Safe between tags of HTML and within quoted attributes.
std::string escape_html(std::string_view text);

}  // namespace agnes
