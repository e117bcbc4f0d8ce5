#include "cli/table.h"

#include "cli/output.h"
#include "cli/text_width.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
constexpr std::size_t kGap = 2;
// A column narrower than this says nothing; a record a row does.
constexpr std::size_t kNarrowest = 8;

std::string rtrim(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

struct Column {
  std::string heading;
  std::vector<std::string> cells;
  std::size_t width = 0;
  bool right = true;  // only numbers so far

  void add(std::string text, bool number) {
    width = std::max(width, display_width(text));
    right = right && number;
    cells.push_back(std::move(text));
  }
};

std::vector<Column> measure(const ResultTable& table) {
  std::vector<Column> columns;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    Column column;
    column.heading = escape_control(table.columns[c]);
    column.width = display_width(column.heading);
    bool any = false;
    for (const auto& row : table.rows) {
      const Cell& cell = row[c];
      const bool null = cell.kind == Cell::Kind::null;
      any = any || !null;
      column.add(null ? "NULL" : escape_control(cell.text),
                 null || cell.kind == Cell::Kind::number || cell.kind == Cell::Kind::decimal);
    }
    column.right = column.right && any;
    columns.push_back(std::move(column));
  }
  return columns;
}

// Cuts the widest columns down to one width at which all fit. False when even the narrowest table does not.
bool shrink(std::vector<Column>& columns, std::size_t width) {
  const auto total_at = [&](std::size_t most) {
    std::size_t total = columns.empty() ? 0 : (columns.size() - 1) * kGap;
    for (const auto& column : columns) total += std::min(column.width, most);
    return total;
  };
  if (total_at(kNarrowest) > width) return false;
  std::size_t fits = kNarrowest, too_wide = std::max(width, kNarrowest) + 1;
  while (fits + 1 < too_wide) {
    const std::size_t middle = (fits + too_wide) / 2;
    (total_at(middle) <= width ? fits : too_wide) = middle;
  }
  for (auto& column : columns) column.width = std::min(column.width, fits);
  return true;
}

std::string records_text(const std::vector<Column>& columns, std::size_t rows, const TableStyle& style) {
  std::size_t name_width = 0;
  for (const auto& column : columns) name_width = std::max(name_width, display_width(column.heading));
  const std::size_t room = static_cast<std::size_t>(style.width) > name_width + 12
                               ? static_cast<std::size_t>(style.width) - name_width - 5
                               : 12;
  std::string out;
  for (std::size_t r = 0; r < rows; ++r) {
    out += dim(fmt::format("--- row {} ---", r + 1)) + "\n";
    for (const auto& column : columns)
      out += rtrim("  " + pad_right(column.heading, name_width) + " : " +
                   (style.cut ? cut_to_width(column.cells[r], room) : column.cells[r])) +
             "\n";
  }
  return out;
}
}  // namespace

std::string columns_text(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& heading : headings) widths.push_back(display_width(heading));
  std::vector<std::vector<std::string>> safe;
  for (const auto& row : rows) {
    auto& cells = safe.emplace_back();
    for (std::size_t c = 0; c < headings.size(); ++c) {
      cells.push_back(c < row.size() ? escape_control(row[c]) : "");
      widths[c] = std::max(widths[c], display_width(cells[c]));
    }
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t c = 0; c < cells.size(); ++c)
      out += pad_right(cells[c], c + 1 < cells.size() ? widths[c] + kGap : 0);
    return rtrim(out);
  };
  std::string out = bold(line(headings)) + "\n";
  for (const auto& cells : safe) out += line(cells) + "\n";
  return out;
}

std::string table_text(const ResultTable& table, const TableStyle& style) {
  if (table.columns.empty()) return "";
  std::vector<Column> columns = measure(table);
  const auto width = static_cast<std::size_t>(std::max(style.width, 20));
  const bool fits = style.cut ? shrink(columns, width) : columns.size() * 6 <= width;
  if (!fits) {
    if (table.rows.empty()) return join(table.columns, ", ") + "\n(0 rows)\n";
    return records_text(columns, table.rows.size(), style);
  }
  const auto line = [&](auto&& cell_of) {
    std::string out;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::string cell = cut_to_width(cell_of(columns[c]), columns[c].width);
      out += columns[c].right ? pad_left(cell, columns[c].width) : pad_right(cell, columns[c].width);
      if (c + 1 < columns.size()) out += std::string(kGap, ' ');
    }
    return rtrim(out);
  };
  std::string out = bold(line([](const Column& column) { return column.heading; })) + "\n";
  out += dim(line([](const Column& column) { return std::string(column.width, '-'); })) + "\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r)
    out += line([r](const Column& column) { return column.cells[r]; }) + "\n";
  if (table.rows.empty()) out += "(0 rows)\n";
  return out;
}

}  // namespace agnes::cli
