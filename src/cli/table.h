#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/cells.h"

namespace agnes::cli {

// Columns of text under a heading, two spaces apart: lists of users, tables, grants. Not cut, so that it can
// be piped.
std::string columns_text(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows);

struct TableStyle {
  int width = 120;
  bool cut = false;  // shorten long cells to fit the width: for a terminal
};
// A query's result for people: aligned columns, numbers to the right; a result that is too wide is shown as
// one record after another instead. Control characters are escaped.
class TableText {
 public:
  // `first` says how wide the columns are, for all rows.
  TableText(const std::vector<std::string>& columns, const std::vector<Row>& first, const TableStyle& style);
  std::string heading() const;
  std::string rows(const std::vector<Row>& rows);  // to be shown after those before

 private:
  struct Column {
    std::string heading;
    std::size_t width = 0;
    bool right = true;  // only numbers
  };
  bool shrink(std::size_t width);
  std::string record(const Row& row) const;
  template <class Text>
  std::string line(Text&& text_of) const;

  TableStyle style_;
  std::vector<Column> columns_;
  bool records_ = false, empty_ = false;
  std::size_t shown_ = 0;
};
std::string table_text(const ResultTable& table, const TableStyle& style);

}  // namespace agnes::cli
