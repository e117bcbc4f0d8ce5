#pragma once

#include <string>
#include <vector>

#include "core/extracts/extract_reader.h"

namespace agnes::extracts {

// Makes the analytics database: one view a table over its Parquet files by absolute path, so that it works by
// itself in any DuckDB, and in the Python server. Written beside and renamed. `built_from` is compared with
// what it would be made of, and nothing is written when that is the same; it is brought up to date. Tables in
// an extract's own database file are views over `<source>.<table>`, for readers that attach the extract under
// its name. Remote ones are left out. Answers with the tables whose view could not be made.
std::vector<Problem> build_analytics(const std::string& file, const std::vector<CatalogueTable>& tables,
                                     std::string& built_from);

// The views of an analytics database that cannot be read, by `table`. Reads the heads of the files that they
// name. Throws Error when the database cannot be opened.
std::vector<Problem> check_analytics(const std::string& file);

}  // namespace agnes::extracts
