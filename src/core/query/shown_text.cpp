#include "core/query/shown_text.h"

#include "lib/base/text.h"

namespace agnes::query {

std::string shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return escape_control(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80)
    --bytes;  // not within a character
  return escape_control(text.substr(0, bytes)) + "...";
}

}  // namespace agnes::query
