#include "cli/json_text.h"

#include <charconv>
#include <cmath>

#include <boost/json/stream_parser.hpp>

#include "cli/output.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
constexpr int kOneLine = -1, kDense = -2;  // instead of a level of indentation: all in one line

void write(std::string& out, const boost::json::value& value, int indent, std::size_t width = 0) {
  if (width > 0 && indent > 0 && value.is_structured()) {
    std::string line;
    write(line, value, kDense);
    if (line.size() + static_cast<std::size_t>(indent) * 2 <= width) {
      out += line;
      return;
    }
  }
  const auto newline = [&](int level) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(level) * 2, ' ');
  };
  const int inner = indent < 0 ? indent : indent + 1;
  const auto list = [&](char open, char close, const auto& items, auto&& write_item) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += indent == kOneLine ? ", " : ",";
      first = false;
      newline(inner);
      write_item(item);
    }
    if (!first) newline(indent);
    out += close;
  };
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "null";
      break;
    case boost::json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      break;
    case boost::json::kind::int64:
      out += std::to_string(value.get_int64());
      break;
    case boost::json::kind::uint64:
      out += std::to_string(value.get_uint64());
      break;
    case boost::json::kind::double_:
      out += std::isfinite(value.get_double()) ? float_text(value.get_double()) : "null";
      break;
    case boost::json::kind::string:
      out += json_string(value.get_string());
      break;
    case boost::json::kind::array:
      list('[', ']', value.get_array(),
           [&](const boost::json::value& item) { write(out, item, inner, width); });
      break;
    case boost::json::kind::object:
      list('{', '}', value.get_object(), [&](const boost::json::key_value_pair& item) {
        out += json_string(item.key());
        out += indent == kDense ? ":" : ": ";
        write(out, item.value(), inner, width);
      });
      break;
  }
}
}  // namespace

std::string pretty(const boost::json::value& value, std::size_t width) {
  std::string out;
  write(out, value, 0, width);
  return out;
}
void print_json(const boost::json::value& value) {
  constexpr std::size_t kWidth = 100;
  out(pretty(value, kWidth) + "\n");
}
std::string compact(const boost::json::value& value) {
  std::string out;
  write(out, value, kOneLine);
  return out;
}

std::string pretty_text(std::string_view json) {
  std::string out;
  std::size_t level = 0;
  const auto newline = [&] { out.append("\n").append(2 * level, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {
      const auto begin = i++;
      while (json[i] != '"') i += json[i] == '\\' ? 2 : 1;
      out += json.substr(begin, i + 1 - begin);
    } else if (c == '{' || c == '[') {
      out += c;
      i = json.find_first_not_of(" \t\r\n", i + 1) - 1;
      if (json[i + 1] == '}' || json[i + 1] == ']') {
        out += json[++i];
      } else {
        ++level;
        newline();
      }
    } else if (c == '}' || c == ']') {
      --level;
      newline();
      out += c;
    } else if (c == ',') {
      out += c;
      newline();
    } else if (c == ':') {
      out += ": ";
    } else if (std::string_view(" \t\r\n").find(c) == std::string_view::npos) {
      out += c;
    }
  }
  return out;
}

bool is_json(std::string_view text) {
  boost::json::stream_parser parser({}, {.max_depth = 1000});
  boost::system::error_code error;
  parser.write(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  return !error;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\u{:04x}", static_cast<int>(c));
        else
          out += c;
    }
  }
  return out + '"';
}

std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const double size = std::fabs(number);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string out(buffer, end.ptr);
  if (plain && out.find('.') == out.npos) out += ".0";
  return out;
}

std::string plain(const boost::json::value& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return std::string(value.get_string());
  return compact(value);
}
std::string plain(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr ? "" : plain(*value);
}

std::string shown(const boost::json::object& object, std::string_view key) {
  return escape_control(plain(object, key));
}

}  // namespace agnes::cli
