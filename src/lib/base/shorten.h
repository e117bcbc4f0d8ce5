#pragma once

#include <string>
#include <string_view>

#include "lib/base/text.h"

namespace agnes {

// The largest text taken from a file of somebody else that is shown, logged or kept as a description.
inline constexpr std::size_t kLongestForeignText = 4096;

// `text`, or its beginning and "..." when it has more than `most` bytes; no UTF-8 character is cut.
inline std::string shortened(std::string text, std::size_t most = kLongestForeignText) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

// The same for a message: control characters are escaped, too.
inline std::string shown_text(std::string_view text, std::size_t most) {
  return escape_control(shortened(std::string(text), most));
}

}  // namespace agnes
