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

std::string both(const std::string& a, const std::string& b) {
  return a == "true" ? b : b == "true" ? a : a + " AND " + b;
}

std::string every_part(const std::string& value, const SetType& type, const HoldsSql& holds, int depth) {
  const auto each = [&](const std::string& list, const SetType& element) {
    const std::string name = fmt::format("x{}", depth), inner = every_part(name, element, holds, depth + 1);
    if (inner == "true") return inner;
    return fmt::format("coalesce(list_bool_and(list_transform({}, lambda {}: {})), true)", list, name, inner);
  };
  switch (type.kind) {
    case SetType::Kind::list:
      return each(value, type.children[0]);
    case SetType::Kind::map:
      return both(holds(value, type), both(each(fmt::format("map_keys({})", value), type.children[0]),
                                           each(fmt::format("map_values({})", value), type.children[1])));
    case SetType::Kind::structure: {
      std::string out = "true";
      for (std::size_t i = 0; i < type.keys.size(); ++i)
        out = both(out,
                   every_part(fmt::format("struct_extract({}, {})", value, duck::quote_literal(type.keys[i])),
                              type.children[i], holds, depth));
      return out;
    }
    case SetType::Kind::plain:
      break;
  }
  return holds(value, type);
}

// The name at the beginning of a part, in quotes or not, which is taken off it.
std::string take_name(std::string_view& part) {
  std::string out;
  std::size_t end = 0;
  if (!part.starts_with('"')) {
    end = std::min(part.find(' '), part.size());
    out = part.substr(0, end);
  } else {
    for (end = 1; end < part.size(); ++end) {
      if (part[end] == '"' && !part.substr(end + 1).starts_with('"')) break;
      if (part[end] == '"') ++end;
      out += part[end];
    }
    ++end;
  }
  part.remove_prefix(std::min(end + 1, part.size()));
  return out;
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
    if (structure) out.keys.push_back(take_name(part));
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

std::string every_part_sql(const std::string& value, const SetType& type, const HoldsSql& holds) {
  return every_part(value, type, holds, 0);
}

std::string parts_fit_sql(const std::string& value, const SetType& type) {
  return every_part_sql(value, type, [](const std::string& part, const SetType& each) -> std::string {
    if (each.kind == SetType::Kind::map || each.name == "VARCHAR" || each.name == "JSON") return "true";
    return fmt::format("({0} IS NULL OR (agnes_has_form({0}, {1}) AND TRY_CAST({0} AS {2}) IS NOT NULL))",
                       part, duck::quote_literal(each.name), each.name);
  });
}

}  // namespace agnes::connectors::files
