#include "connectors/files/set_types.h"

#include "lib/base/text.h"
#include "lib/duck/database.h"

namespace agnes::connectors::files {

namespace {

// "a BIGINT, b MAP(VARCHAR, BIGINT)" by the commas that stand in no brackets.
std::vector<std::string_view> split_parts(std::string_view list) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  int open = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    const char c = i < list.size() ? list[i] : ',';
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '(') ++open;
    if (c == ')') --open;
    if (c != ',' || (open > 0 && i < list.size())) continue;
    out.push_back(trim(list.substr(begin, i - begin)));
    begin = i + 1;
  }
  return out;
}

std::string parts_fit(const std::string& value, const SetType& type, int depth) {
  const auto each = [&](const std::string& list, const SetType& element) {
    const std::string name = fmt::format("x{}", depth), inner = parts_fit(name, element, depth + 1);
    if (inner == "true") return inner;
    return fmt::format("coalesce(list_bool_and(list_transform({}, lambda {}: {})), true)", list, name, inner);
  };
  const auto both = [](const std::string& a, const std::string& b) {
    return a == "true" ? b : b == "true" ? a : a + " AND " + b;
  };
  switch (type.kind) {
    case SetType::Kind::list:
      return each(value, type.children[0]);
    case SetType::Kind::map:
      return both(each(fmt::format("map_keys({})", value), type.children[0]),
                  each(fmt::format("map_values({})", value), type.children[1]));
    case SetType::Kind::structure: {
      std::string out = "true";
      for (std::size_t i = 0; i < type.keys.size(); ++i)
        out = both(out,
                   parts_fit(fmt::format("struct_extract({}, {})", value, duck::quote_literal(type.keys[i])),
                             type.children[i], depth));
      return out;
    }
    case SetType::Kind::plain:
      break;
  }
  if (type.name == "VARCHAR" || type.name == "JSON") return "true";
  return fmt::format("({0} IS NULL OR (agnes_has_form({0}, {1}) AND TRY_CAST({0} AS {2}) IS NOT NULL))",
                     value, duck::quote_literal(type.name), type.name);
}

}  // namespace

SetType parse_type(std::string_view type) {
  SetType out;
  out.name = type;
  if (type.ends_with(']')) {
    out.kind = SetType::Kind::list;
    out.children.push_back(parse_type(type.substr(0, type.rfind('['))));
    return out;
  }
  const bool structure = type.starts_with("STRUCT("), map = type.starts_with("MAP(");
  if (!structure && !map) return out;
  out.kind = structure ? SetType::Kind::structure : SetType::Kind::map;
  type.remove_prefix(type.find('(') + 1);
  type.remove_suffix(1);
  for (auto part : split_parts(type)) {
    if (structure) {
      const bool quoted = part.starts_with('"');
      const auto end = quoted ? part.find('"', 1) : part.find(' ');
      out.keys.emplace_back(part.substr(quoted ? 1 : 0, end - (quoted ? 1 : 0)));
      part.remove_prefix(std::min(end + (quoted ? 2 : 1), part.size()));
    }
    out.children.push_back(parse_type(part));
  }
  return out;
}

std::string text_form(const SetType& type) {
  switch (type.kind) {
    case SetType::Kind::plain:
      break;
    case SetType::Kind::list:
      return text_form(type.children[0]) + "[]";
    case SetType::Kind::map:
      return fmt::format("MAP({}, {})", text_form(type.children[0]), text_form(type.children[1]));
    case SetType::Kind::structure: {
      std::string out = "STRUCT(";
      for (std::size_t i = 0; i < type.keys.size(); ++i)
        out += fmt::format("{}{} {}", i > 0 ? ", " : "", duck::quote_identifier(type.keys[i]),
                           text_form(type.children[i]));
      return out + ")";
    }
  }
  return "VARCHAR";
}

std::string parts_fit_sql(const std::string& value, const SetType& type) {
  return parts_fit(value, type, 0);
}

}  // namespace agnes::connectors::files
