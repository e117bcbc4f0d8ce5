#include "core/state/audit.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "lib/base/ids.h"
#include "lib/base/time.h"

namespace agnes::state {

namespace {

// The code point at `at` of valid UTF-8, which is moved behind it.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&] { return static_cast<unsigned char>(text[at++]); };
  const auto first = byte();
  if (first < 0x80) return first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  char32_t point = first & (0x3F >> more);
  for (int i = 0; i < more && at < text.size(); ++i) point = point << 6 | (byte() & 0x3F);
  return point;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto point = next_code_point(text, at);
    if (point == '"' || point == '\\')
      (out += '\\') += static_cast<char>(point);
    else if (point == '\n')
      out += "\\n";
    else if (point == '\r')
      out += "\\r";
    else if (point == '\t')
      out += "\\t";
    else if (point == '\b')
      out += "\\b";
    else if (point == '\f')
      out += "\\f";
    else if (point >= 0x20 && point < 0x7F)
      out += static_cast<char>(point);
    else if (point < 0x10000)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(point));
    else
      out += fmt::format("\\u{:04x}\\u{:04x}", static_cast<unsigned>(0xD800 + ((point - 0x10000) >> 10)),
                         static_cast<unsigned>(0xDC00 + ((point - 0x10000) & 0x3FF)));
  }
  out += '"';
}

void append(std::string& out, const boost::json::value& value) {
  if (const auto* object = value.if_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : *object) {
      if (!std::exchange(first, false)) out += ", ";
      append_string(out, key);
      out += ": ";
      append(out, item);
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    bool first = true;
    for (const auto& item : *array) {
      if (!std::exchange(first, false)) out += ", ";
      append(out, item);
    }
    out += ']';
  } else if (const auto* text = value.if_string()) {
    append_string(out, *text);
  } else if (const auto* number = value.if_double()) {
    const std::string digits = fmt::format("{}", *number);
    out += digits;
    if (digits.find_first_of(".en") == std::string::npos) out += ".0";
  } else {
    out += boost::json::serialize(value);
  }
}

}  // namespace

std::string json_text(const boost::json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

void record(Tx& tx, const Actor& actor, std::string_view action, std::string_view resource,
            boost::json::object params, std::string_view result) {
  if (!actor.address.empty()) params["ip"] = actor.address;
  const auto unless_empty = [](std::string_view text) {
    return text.empty() ? std::optional<std::string_view>{} : std::optional(text);
  };
  tx.execute(
      "INSERT INTO audit_log (id, timestamp, user_id, action, resource, params, result) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      uuid4(), now(), unless_empty(actor.id), action, unless_empty(resource),
      params.empty() ? std::optional<std::string>{} : json_text(params), unless_empty(result));
}

}  // namespace agnes::state
