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

[[noreturn]] void wrong(const SourceFile& file, const std::string& what) {
  throw SourceError("malformed", file.relative, std::nullopt, shown(file.relative) + " " + what);
}

std::vector<Folder> folders_of(const SourceFile& file) {
  std::vector<Folder> out;
  auto parts = split(file.relative, '/');
  parts.pop_back();
  for (const auto& part : parts) {
    const auto at = part.find('=');
    if (at == std::string::npos || at == 0) continue;
    const std::string key = part.substr(0, at), value = part.substr(at + 1);
    const std::string text = http::percent_decode(value, false).value_or(value);
    if (!is_utf8(text) || text.find('\0') != std::string::npos)
      wrong(file, fmt::format("lies in the folder '{}', whose value is no text of UTF-8: rename the folder",
                              escape_control(part)));
    for (const auto& other : out)
      if (iequals(other.name, key))
        wrong(file, fmt::format("lies in two folders that give the column '{}': rename one of them",
                                escape_control(key)));
    out.push_back({key, text});
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

bool Partitions::reads_as_null(std::size_t file, std::size_t column) const {
  const auto& value = values.at(file).at(column);
  return value && iequals(*value, "NULL");
}

bool Partitions::read_as_null() const {
  for (std::size_t file = 0; file < values.size(); ++file)
    for (std::size_t column = 0; column < columns.size(); ++column)
      if (reads_as_null(file, column)) return true;
  return false;
}

Partitions find_partitions(duck::Connection& connection, const std::vector<SourceFile>& files) {
  Partitions out;
  const SourceFile *inside = nullptr, *outside = nullptr;
  for (const auto& file : files) {
    const auto folders = folders_of(file);
    if (inside == nullptr && !folders.empty()) inside = &file;
    if (outside == nullptr && folders.empty()) outside = &file;
    if (inside != nullptr && outside != nullptr)
      wrong(*outside,
            fmt::format("lies in no column=value folder, and {} does: move it into one, or out of the "
                        "table's folder",
                        shown(inside->relative)));
    if (folders.empty()) continue;
    auto& values = out.values.emplace_back();
    std::vector<extracts::Column> columns;
    for (const auto& folder : folders) {
      columns.push_back({folder.name, ""});
      values.push_back(folder.value);
    }
    if (out.columns.empty()) out.columns = columns;
    if (columns != out.columns)
      wrong(file,
            fmt::format("lies in other column=value folders than {}: the files of one table must lie in the "
                        "same ones",
                        shown(files.front().relative)));
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
