#include "cli/result_printer.h"

#include <set>

#include "cli/json_text.h"
#include "cli/output.h"
#include "lib/base/json.h"
#include "lib/base/text.h"

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

// In one line: between values JSON has line breaks as white space only.
std::string line_of(const Cell& cell) {
  std::string text = json_of(cell);
  if (cell.kind == Cell::Kind::nested)
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const auto& line : split(text, '\n')) out += (out.empty() ? "" : "<br>") + escape_control(line);
  return replaced(out, "|", "\\|");
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

// The contract's client wrote Python's words.
std::string csv_cell(const Cell& cell) {
  if (cell.kind == Cell::Kind::boolean) return cell.text == "true" ? "True" : "False";
  return csv_field(cell.text);
}

template <class Items, class Text>
std::string joined(const Items& items, std::string_view separator, Text&& text_of) {
  std::string line;
  bool first = true;
  for (const auto& item : items) {
    if (!first) line += separator;
    first = false;
    line += text_of(item);
  }
  return line;
}
}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> out;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Format>>(
      [&](auto entry) { out.emplace_back(entry.name); });
  return out;
}

Format format_of(const std::string& name) {
  Format out = Format::table;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Format>>([&](auto entry) {
    if (name == entry.name) out = entry.value;
  });
  return out;
}

void ResultPrinter::begin(const std::vector<std::string>& columns) {
  columns_ = columns;
  rows_ = 0;
  table_.reset();
  measured_.clear();
  switch (format_) {
    case Format::csv:
      return out(joined(columns_, ",", csv_field) + "\n");
    case Format::markdown:
      out("| " + joined(columns_, " | ", markdown_cell) + " |\n");
      return out("|" + joined(columns_, "|", [](const auto&) { return " --- "; }) + "|\n");
    case Format::json:
    case Format::jsonl:
      columns_ = distinct(columns_);
      for (auto& column : columns_) column = json_string(column) + ": ";
      return;
    case Format::table:
    case Format::parquet:
      return;
  }
}

void ResultPrinter::add(std::vector<Row> rows) {
  if (format_ == Format::table) return add_to_table(std::move(rows));
  for (const auto& row : rows) {
    std::string line;
    switch (format_) {
      case Format::csv:
        line = joined(row, ",", csv_cell) + "\n";
        break;
      case Format::markdown:
        line = "| " +
               joined(row, " | ",
                      [](const Cell& cell) {
                        return cell.kind == Cell::Kind::null ? "NULL" : markdown_cell(cell.text);
                      }) +
               " |\n";
        break;
      case Format::json:
        line = rows_ == 0 ? "[\n  {\n" : ",\n  {\n";
        for (std::size_t c = 0; c < row.size(); ++c)
          line += "    " + columns_[c] + json_of(row[c]) + (c + 1 < row.size() ? ",\n" : "\n");
        line += "  }";
        break;
      default:
        line = "{";
        for (std::size_t c = 0; c < row.size(); ++c)
          line += (c > 0 ? ", " : "") + columns_[c] + line_of(row[c]);
        line += "}\n";
    }
    out(line);
    ++rows_;
  }
}

void ResultPrinter::end() {
  if (format_ == Format::json) out(rows_ == 0 ? "[]\n" : "\n]\n");
  if (format_ == Format::table && !table_) begin_table();
}

// The first rows say how wide the columns are; later ones that are wider stand out.
void ResultPrinter::add_to_table(std::vector<Row> rows) {
  if (table_) return out(table_->rows(rows));
  constexpr std::size_t kMeasured = 1000;
  std::move(rows.begin(), rows.end(), std::back_inserter(measured_));
  if (measured_.size() >= kMeasured) begin_table();
}
void ResultPrinter::begin_table() {
  table_.emplace(columns_, measured_, TableStyle{.width = terminal_width(), .cut = is_terminal_out()});
  out(table_->heading());
  out(table_->rows(std::exchange(measured_, {})));
}

}  // namespace agnes::cli
