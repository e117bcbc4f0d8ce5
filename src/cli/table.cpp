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

std::string text_of(const Cell& cell) {
  return cell.kind == Cell::Kind::null ? "NULL" : escape_control(cell.text);
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

TableText::TableText(const std::vector<std::string>& columns, const std::vector<Row>& first,
                     const TableStyle& style)
    : style_(style), empty_(first.empty()) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    Column column{escape_control(columns[c])};
    column.width = display_width(column.heading);
    bool any = false;
    for (const auto& row : first) {
      const Cell::Kind kind = row[c].kind;
      any = any || kind != Cell::Kind::null;
      column.right = column.right &&
                     (kind == Cell::Kind::null || kind == Cell::Kind::number || kind == Cell::Kind::decimal);
      column.width = std::max(column.width, display_width(text_of(row[c])));
    }
    column.right = column.right && any;
    columns_.push_back(std::move(column));
  }
  const auto width = static_cast<std::size_t>(std::max(style.width, 20));
  records_ = style.cut ? !shrink(width) : columns_.size() * 6 > width;
}

// Cuts the widest columns down to one width at which all fit. False when even the narrowest table does not.
bool TableText::shrink(std::size_t width) {
  const auto total_at = [&](std::size_t most) {
    std::size_t total = columns_.empty() ? 0 : (columns_.size() - 1) * kGap;
    for (const auto& column : columns_) total += std::min(column.width, most);
    return total;
  };
  if (total_at(kNarrowest) > width) return false;
  std::size_t fits = kNarrowest, too_wide = std::max(width, kNarrowest) + 1;
  while (fits + 1 < too_wide) {
    const std::size_t middle = (fits + too_wide) / 2;
    (total_at(middle) <= width ? fits : too_wide) = middle;
  }
  for (auto& column : columns_) column.width = std::min(column.width, fits);
  return true;
}

std::string TableText::record(const Row& row) const {
  std::size_t name_width = 0;
  for (const auto& column : columns_) name_width = std::max(name_width, display_width(column.heading));
  const std::size_t room = static_cast<std::size_t>(style_.width) > name_width + 12
                               ? static_cast<std::size_t>(style_.width) - name_width - 5
                               : 12;
  std::string out;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const std::string text = text_of(row[c]);
    out += rtrim("  " + pad_right(columns_[c].heading, name_width) + " : " +
                 (style_.cut ? cut_to_width(text, room) : text)) +
           "\n";
  }
  return out;
}

template <class Text>
std::string TableText::line(Text&& text_of) const {
  std::string out;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    std::string cell = text_of(c);
    if (style_.cut) cell = cut_to_width(cell, column.width);
    out += column.right ? pad_left(cell, column.width) : pad_right(cell, column.width);
    if (c + 1 < columns_.size()) out += std::string(kGap, ' ');
  }
  return rtrim(out);
}

std::string TableText::heading() const {
  if (columns_.empty()) return "";
  const std::string none = empty_ ? "(0 rows)\n" : "";
  if (records_) {
    if (!empty_) return "";
    std::vector<std::string> names;
    for (const auto& column : columns_) names.push_back(column.heading);
    return join(names, ", ") + "\n" + none;
  }
  return bold(line([&](std::size_t c) { return columns_[c].heading; })) + "\n" +
         dim(line([&](std::size_t c) { return std::string(columns_[c].width, '-'); })) + "\n" + none;
}

std::string TableText::rows(const std::vector<Row>& rows) {
  std::string out;
  if (columns_.empty()) return out;
  for (const auto& row : rows) {
    ++shown_;
    if (records_)
      out += dim(fmt::format("--- row {} ---", shown_)) + "\n" + record(row);
    else
      out += line([&](std::size_t c) { return text_of(row[c]); }) + "\n";
  }
  return out;
}

std::string table_text(const ResultTable& table, const TableStyle& style) {
  TableText text(table.columns, table.rows, style);
  return text.heading() + text.rows(table.rows);
}

}  // namespace agnes::cli
