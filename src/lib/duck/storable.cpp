#include "lib/duck/storable.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "lib/base/text.h"

namespace agnes::duck {

namespace {

// The type that a Parquet file holds without a change, for one, or a part of one, that it does not. What is quoted is a name.
std::string storable_type(std::string_view type) {
  static constexpr std::pair<std::string_view, const char*> kOthers[] = {{"UHUGEINT", "DECIMAL(38,0)"},
                                                                         {"HUGEINT", "DECIMAL(38,0)"},
                                                                         {"TIME WITH TIME ZONE", "VARCHAR"},
                                                                         {"INTERVAL", "VARCHAR"}};
  std::string out;
  char quote = '\0';
  while (!type.empty()) {
    const auto* other = std::find_if(std::begin(kOthers), std::end(kOthers), [&](const auto& each) {
      return quote == '\0' && type.starts_with(each.first);
    });
    if (other != std::end(kOthers)) {
      out += other->second;
      type.remove_prefix(other->first.size());
      continue;
    }
    const char c = type.front();
    if (quote != '\0' ? c == quote : c == '"' || c == '\'') quote = quote != '\0' ? '\0' : c;
    out += c;
    type.remove_prefix(1);
  }
  return out;
}

}  // namespace

std::string storable_select(const std::string& select, const std::vector<std::vector<Value>>& described) {
  std::string cast;
  for (const auto& row : described) {
    const std::string name = quote_identifier(std::get<std::string>(row.at(0)));
    const auto& type = std::get<std::string>(row.at(1));
    const std::string storable = storable_type(type);
    const auto checked = [&](const std::string& condition, std::string_view what) {
      return fmt::format(
          "CASE WHEN {0} THEN {1} WHEN {1} IS NOT NULL THEN error('a value of the {2} ' || {3} || ' {4}: "
          "make "
          "it a text') END",
          condition, name, type, quote_literal(escape_control(std::get<std::string>(row.at(0)))), what);
    };
    std::string value;
    if (type == "INTERVAL")
      value = checked(fmt::format("date_part('microsecond', {}) % 1000 = 0", name),
                      "has microseconds, which Parquet does not hold");
    else if (type == "TIME" || type == "TIME_NS")
      value = checked(fmt::format("{} < '24:00:00'::{}", name, type),
                      "is 24:00:00 or later, which readers of Parquet and Arrow take for 00:00:00");
    else if (type != storable)
      value = fmt::format("CAST({} AS {})", name, storable);
    if (!value.empty()) cast += fmt::format("{}{} AS {}", cast.empty() ? "" : ", ", value, name);
  }
  return cast.empty() ? select : fmt::format("SELECT * REPLACE ({}) FROM ({})", cast, select);
}

std::string storable_select(Connection& connection, const std::string& select) {
  return storable_select(select, connection.execute("DESCRIBE " + select).rows());
}

}  // namespace agnes::duck
