#include "lib/base/text.h"
#include "lib/yaml/yaml.h"

namespace agnes::yaml {

namespace {

using boost::json::value;

constexpr std::size_t kIndent = 2;
constexpr std::size_t kLongestKey = 1000;  // YAML takes 1,024 characters for a key without a "?"

// Whether every YAML reader, those of version 1.1 included, takes it as that text without quotes.
bool is_plain(std::string_view text) {
  constexpr std::string_view kWords[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text[0])) == 0) return false;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("_-./@").find(c) == std::string_view::npos)
      return false;
  const std::string lower = to_lower(text);
  return std::find(std::begin(kWords), std::end(kWords), lower) == std::end(kWords);
}

void append_text(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += text;
    return;
  }
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = [&](std::size_t n) {
      return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0u;
    };
    if (c == '"' || c == '\\') {
      (out += '\\') += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", c);
    } else if (c == 0xC2 && next(1) < 0xA0) {  // U+0080 to U+009F: no YAML without an escape
      out += fmt::format("\\u{:04x}", next(1));
      ++i;
    } else if ((c == 0xE2 && next(1) == 0x80 && (next(2) == 0xA8 || next(2) == 0xA9)) ||
               (c == 0xEF &&
                ((next(1) == 0xBB && next(2) == 0xBF) || (next(1) == 0xBF && next(2) >= 0xBE)))) {
      // Line and paragraph separator, byte order mark and U+FFFE, U+FFFF.
      out += fmt::format("\\u{:04x}", (c & 0xFu) << 12 | (next(1) & 0x3Fu) << 6 | (next(2) & 0x3Fu));
      i += 2;
    } else {
      out += static_cast<char>(c);
    }
  }
  out += '"';
}

// The key with its colon; `indent` stands before the colon where that has a line of its own.
void append_key(std::string& out, std::string_view key, std::size_t indent) {
  std::string text;
  append_text(text, key);
  if (text.size() <= kLongestKey)
    out += text;
  else
    out.append("? ").append(text).append("\n").append(indent, ' ');
  out += ':';
}

void append_flow(std::string& out, const value& item) {
  if (const auto* text = item.if_string()) {
    append_text(out, *text);
  } else if (const auto* number = item.if_double()) {
    std::string digits = fmt::format("{}", *number);
    // Version 1.1 knows a number by its dot.
    if (digits.find('.') == std::string::npos) digits.insert(std::min(digits.find('e'), digits.size()), ".0");
    out += digits;
  } else if (const auto* list = item.if_array()) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ", ";
      append_flow(out, (*list)[i]);
    }
    out += ']';
  } else if (const auto* map = item.if_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, below] : *map) {
      if (!std::exchange(first, false)) out += ", ";
      append_key(out, key, 1);
      out += ' ';
      append_flow(out, below);
    }
    out += '}';
  } else {
    out += boost::json::serialize(item);
  }
}

void append_block(std::string& out, const boost::json::object& map, std::size_t depth) {
  for (const auto& [key, item] : map) {
    out.append(depth * kIndent, ' ');
    append_key(out, key, depth * kIndent);
    if (item.is_object() && !item.as_object().empty()) {
      out += '\n';
      append_block(out, item.as_object(), depth + 1);
    } else {
      out += ' ';
      append_flow(out, item);
      out += '\n';
    }
  }
}

}  // namespace

std::string to_text(const boost::json::object& tree) {
  if (tree.empty()) return "{}\n";
  std::string out;
  append_block(out, tree, 0);
  return out;
}

}  // namespace agnes::yaml
