#include "cli/cells.h"

#include <set>

#include "cli/json_text.h"

namespace agnes::cli {

namespace {
std::string json_of(const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::null:
      return "null";
    case Cell::Kind::number: {
      const char last = cell.text.empty() ? 'n' : cell.text.back();
      return last == 'f' || last == 'n' ? "null" : cell.text;  // inf and nan are not JSON
    }
    case Cell::Kind::boolean:
    case Cell::Kind::nested:
      return cell.text;
    case Cell::Kind::decimal:
    case Cell::Kind::text:
      break;
  }
  return json_string(cell.text);
}

// Equal names would be one member to every reader: a, a_1, a_2.
std::vector<std::string> distinct(const std::vector<std::string>& names) {
  const std::set<std::string> given(names.begin(), names.end());
  std::set<std::string> used;
  std::vector<std::string> out;
  for (const auto& name : names) {
    std::string key = name;
    for (int number = 1; used.contains(key) || (key != name && given.contains(key)); ++number)
      key = fmt::format("{}_{}", name, number);
    used.insert(key);
    out.push_back(std::move(key));
  }
  return out;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}
}  // namespace

std::string to_json(const ResultTable& table) {
  if (table.rows.empty()) return "[]\n";
  std::vector<std::string> keys;
  for (const auto& column : distinct(table.columns)) keys.push_back("    " + json_string(column) + ": ");
  std::string out = "[\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    out += "  {\n";
    for (std::size_t c = 0; c < keys.size(); ++c)
      out += keys[c] + json_of(table.rows[r][c]) + (c + 1 < keys.size() ? ",\n" : "\n");
    out += r + 1 < table.rows.size() ? "  },\n" : "  }\n";
  }
  return out + "]\n";
}

std::string to_csv(const ResultTable& table) {
  std::string out;
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    out += (c > 0 ? "," : "") + csv_field(table.columns[c]);
  out += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) out += ',';
      // The contract's client wrote Python's words.
      if (row[c].kind == Cell::Kind::boolean)
        out += row[c].text == "true" ? "True" : "False";
      else
        out += csv_field(row[c].text);
    }
    out += '\n';
  }
  return out;
}

}  // namespace agnes::cli
