#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// What the views of an extract say of their files. Nothing here runs SQL.
namespace agnes::extracts {

struct ViewFiles {
  std::vector<std::string> paths;  // texts in the view that name files, wildcards included
  bool plain = false;              // the view is SELECT * FROM read_parquet(...) and nothing else
  bool union_by_name = false;
};
// Of a "CREATE VIEW ... AS ..." as DuckDB prints it.
ViewFiles view_files(std::string_view create_view);

// Where the file that a view names is today: `path` as inside `folder`, the extract's own folder whose name
// when the view was made was `source`. May hold wildcards. Empty when it leads out of the folder.
std::filesystem::path rebase(const std::string& path, const std::string& source,
                             const std::filesystem::path& folder);

// The files that a path with wildcards in its last part stands for, sorted; without wildcards the file
// itself, when it is there.
std::vector<std::filesystem::path> expand(const std::filesystem::path& pattern);

}  // namespace agnes::extracts
