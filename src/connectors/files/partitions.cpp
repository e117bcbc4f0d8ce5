#include "connectors/files/partitions.h"

#include "lib/base/text.h"
#include "lib/duck/rows.h"
#include "lib/http/request.h"

namespace agnes::connectors::files {

namespace {

struct Folder {
  std::string name;
  std::optional<std::string> value;
};

std::vector<Folder> folders_of(const SourceFile& file) {
  std::vector<Folder> out;
  auto parts = split(file.relative, '/');
  parts.pop_back();
  for (const auto& part : parts) {
    const auto at = part.find('=');
    if (at == std::string::npos || at == 0) continue;
    const std::string value = part.substr(at + 1);
    out.push_back({part.substr(0, at), http::percent_decode(value, false).value_or(value)});
    if (value == "__HIVE_DEFAULT_PARTITION__") out.back().value.reset();
  }
  return out;
}

std::string type_of(duck::Connection& connection, const Partitions& partitions, std::size_t index) {
  std::string list;
  for (const auto& values : partitions.values)
    if (values[index])
      list += fmt::format("{}({})", list.empty() ? "" : ", ", duck::quote_literal(*values[index]));
  if (list.empty()) return "VARCHAR";
  for (const char* type : {"BIGINT", "DATE"})
    if (duck::scalar<bool>(connection,
                           fmt::format("SELECT bool_and(coalesce(CAST(TRY_CAST(v AS {}) AS VARCHAR) = v, "
                                       "false)) FROM (VALUES {}) t(v)",
                                       type, list)) == true)
      return type;
  return "VARCHAR";
}

}  // namespace

std::string Partitions::options() const {
  if (columns.empty()) return "hive_partitioning = false";
  std::string types;
  for (const auto& column : columns)
    types +=
        fmt::format("{}{}: {}", types.empty() ? "" : ", ", duck::quote_literal(column.name), column.type);
  return fmt::format("hive_partitioning = true, hive_types_autocast = false, hive_types = {{{}}}", types);
}

Partitions find_partitions(duck::Connection& connection, const std::vector<SourceFile>& files) {
  Partitions out;
  for (const auto& file : files) {
    const auto folders = folders_of(file);
    if (folders.empty()) return {};
    auto& values = out.values.emplace_back();
    std::vector<extracts::Column> columns;
    for (const auto& folder : folders) {
      columns.push_back({folder.name, ""});
      values.push_back(folder.value);
    }
    if (out.columns.empty()) out.columns = columns;
    if (columns != out.columns)
      throw SourceError("malformed", file.relative, std::nullopt,
                        fmt::format("{} lies in other column=value folders than {}: the files of one table "
                                    "must lie in the same ones",
                                    shown(file.relative), shown(files.front().relative)));
  }
  for (std::size_t i = 0; i < out.columns.size(); ++i) out.columns[i].type = type_of(connection, out, i);
  return out;
}

void refuse_hidden(const Partitions& partitions, const SourceFile& file,
                   const std::vector<std::string>& columns) {
  for (const auto& folder : partitions.columns)
    for (const auto& column : columns)
      if (iequals(folder.name, column))
        throw SourceError(
            "malformed", file.relative, std::nullopt,
            fmt::format("{} has the column '{}', and its folder '{}=...' gives another of that name: "
                        "rename one of them",
                        shown(file.relative), escape_control(column), escape_control(folder.name)));
}

}  // namespace agnes::connectors::files
