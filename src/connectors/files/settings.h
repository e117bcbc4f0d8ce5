#pragma once

#include "app/config/settings.h"

namespace agnes::connectors::files {

struct FilesSettings {
  static constexpr std::string_view kSection = "data_source.files";
  std::string path;
  std::vector<std::string> exclude;
  bool auto_register = true;
  boost::json::object tables;
  static constexpr config::Rule kRules[] = {
      {.member = "path",
       .variable = "AGNES_FILES_PATH",
       .needed_by = "files",
       .help = "Folder or glob of CSV, TSV, JSON, JSON lines and Parquet files"},
      {.member = "exclude", .help = "File names or globs to leave out"},
      {.member = "auto_register",
       .help = "Register a table for each new file at sync; when false only registered tables are read"},
      {.member = "tables", .help = "Per table: `types` (column: type), `description`"},
  };
};
BOOST_DESCRIBE_STRUCT(FilesSettings, (), (path, exclude, auto_register, tables))

}  // namespace agnes::connectors::files
