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
std::string table_text(const ResultTable& table, const TableStyle& style);

}  // namespace agnes::cli
