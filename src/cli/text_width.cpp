#include "cli/text_width.h"

#include <cstdint>

namespace agnes::cli {

namespace {
// The next character's code point; a broken byte counts as one character.
char32_t next(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(at);
  std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  char32_t point = length == 1 ? first : first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) {
      length = i;
      break;
    }
    point = (point << 6) | (byte(at + i) & 0x3f);
  }
  at += length;
  return point;
}

struct Range {
  char32_t first, last;
};
// From Unicode's EastAsianWidth (W, F) and general categories Mn, Me, Cf: the common ranges, not every one.
constexpr Range kNothing[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
                              {0x64b, 0x65f},   {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
                              {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},  {0x3041, 0x33ff}, {0x3400, 0x4dbf},
                           {0x4e00, 0x9fff},   {0xa000, 0xa4cf},  {0xac00, 0xd7a3}, {0xf900, 0xfaff},
                           {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
                           {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

std::size_t width_of(char32_t point) {
  for (const auto& range : kNothing)
    if (point >= range.first && point <= range.last) return 0;
  for (const auto& range : kWide)
    if (point >= range.first && point <= range.last) return 2;
  return 1;
}
}  // namespace

std::size_t display_width(std::string_view utf8) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < utf8.size();) width += width_of(next(utf8, at));
  return width;
}

std::string cut_to_width(std::string_view utf8, std::size_t width) {
  if (display_width(utf8) <= width) return std::string(utf8);
  if (width == 0) return "";
  std::size_t used = 0, at = 0;
  while (true) {
    std::size_t after = at;
    const std::size_t one = width_of(next(utf8, after));
    if (used + one > width - 1) break;
    used += one;
    at = after;
  }
  return std::string(utf8.substr(0, at)) + "…";
}

std::string pad_right(std::string_view utf8, std::size_t width) {
  const std::size_t have = display_width(utf8);
  return std::string(utf8) + std::string(have < width ? width - have : 0, ' ');
}
std::string pad_left(std::string_view utf8, std::size_t width) {
  const std::size_t have = display_width(utf8);
  return std::string(have < width ? width - have : 0, ' ') + std::string(utf8);
}

}  // namespace agnes::cli
