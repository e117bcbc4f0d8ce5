#include "connectors/files/read.h"

#include <set>

#include "connectors/files/set_types.h"
#include "connectors/files/table_spec.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

std::unique_ptr<TableReader> open_table(duck::Connection& connection, const Candidate& candidate,
                                        bool quick) {
  switch (candidate.files.front().format) {
    case Format::csv:
    case Format::tsv:
      return open_csv(connection, candidate, quick);
    case Format::json:
    case Format::json_lines:
      return open_json(connection, candidate, quick);
    case Format::parquet:
      break;
  }
  return open_parquet(connection, candidate, quick);
}

bool not_the_files_fault(const duck::QueryError& error) {
  if (error.kind() == ErrorKind::insufficient_storage || error.kind() == ErrorKind::timeout) return true;
  // DuckDB only reads the files: what it cannot write is a table or a spill file of ours.
  const std::string said = to_lower(error.what());
  return error.type() == DUCKDB_ERROR_IO &&
         (said.find("could not write") != std::string::npos || said.find("temporary") != std::string::npos ||
          said.find("fsync") != std::string::npos);
}

bool is_engine_failure(const duck::QueryError& error) {
  return error.type() == DUCKDB_ERROR_INTERNAL || error.type() == DUCKDB_ERROR_FATAL ||
         std::string_view(error.what()).find("database has been invalidated") != std::string_view::npos;
}

SourceError broke_engine(const Candidate& candidate, const duck::QueryError& error) {
  const auto& file = candidate.files.front();
  std::string who = shown(file.relative);
  if (candidate.files.size() > 1)
    who = fmt::format("{} or another of its {} files", who, candidate.files.size());
  std::string why = extracts::short_message(error.what());
  for (const std::string_view kind : {"INTERNAL Error: ", "FATAL Error: "})
    if (why.starts_with(kind)) why.erase(0, kind.size());
  return {"malformed", file.relative, std::nullopt,
          fmt::format("{} cannot be read: it breaks DuckDB ({}); write it in another way", who,
                      without_paths(candidate, why))};
}

std::string without_paths(const Candidate& candidate, std::string message) {
  for (const auto& file : candidate.files)
    for (auto at = message.find(file.path); at != std::string::npos;
         at = message.find(file.path, at + file.relative.size()))
      message.replace(at, file.path.size(), shown(file.relative));
  return message;
}

std::string quoted_path(const SourceFile& file) {
  return duck::quote_literal(extracts::escape_glob(file.path));
}

std::string path_list(const Candidate& candidate) {
  std::string out;
  for (const auto& file : candidate.files) out += (out.empty() ? "" : ", ") + quoted_path(file);
  return "[" + out + "]";
}

void wrong_setting(const Candidate& candidate, std::string_view setting, const std::string& what) {
  throw SourceError(
      "setting", candidate.files.front().relative, std::nullopt,
      fmt::format("{}.{} {}: correct it, and restart", spec_path(candidate.spec->name), setting, what));
}

namespace {

bool has_interval(const SetType& type) {
  if (type.kind == SetType::Kind::plain) return type.name.find("INTERVAL") != std::string::npos;
  return std::any_of(type.children.begin(), type.children.end(), has_interval);
}

}  // namespace

std::optional<std::string> set_type(duck::Connection& connection, const Candidate& candidate,
                                    const std::string& column) {
  if (candidate.spec == nullptr) return std::nullopt;
  const auto& types = candidate.spec->types;
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const auto& each) { return iequals(each.first, column); });
  if (found == types.end()) return std::nullopt;
  const std::string& type = found->second;
  const auto wrong = [&](std::string_view what) {
    wrong_setting(candidate, "types",
                  fmt::format("has '{}' for the column '{}', which {}", escape_control(type),
                              escape_control(column), what));
  };
  // It becomes part of a statement.
  const bool plain = !type.empty() && type.size() <= 100 && type.find("--") == std::string::npos &&
                     std::all_of(type.begin(), type.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              std::string_view("_(),[] ").find(c) != std::string_view::npos;
                     });
  // As short as types are, none that is not too deep has so many brackets.
  if (std::count(type.begin(), type.end(), '[') + std::count(type.begin(), type.end(), '(') > kMaxNesting)
    wrong(fmt::format("has more than {} lists and structs in each other; use JSON or VARCHAR", kMaxNesting));
  std::optional<std::string> out;
  try {
    if (plain)
      out = duck::scalar<std::string>(connection, fmt::format("SELECT typeof(CAST(NULL AS {}))", type));
  } catch (const duck::QueryError& error) {
    if (not_the_files_fault(error) || is_engine_failure(error)) throw;
  }
  if (out && has_interval(parse_type(*out)))
    wrong("has INTERVAL, and INTERVAL rounds what is finer than a microsecond; leave it as text");
  if (out) return out;
  wrong(
      "is no type: use VARCHAR, BIGINT, DOUBLE, DECIMAL(18,2) of 38 digits at most, BOOLEAN, DATE, TIME, "
      "TIMESTAMP, "
      "TIMESTAMP WITH TIME ZONE, JSON, lists (BIGINT[]), STRUCT(a BIGINT) or MAP(VARCHAR, BIGINT)");
  return std::nullopt;
}

void check_overrides(const Candidate& candidate, const std::vector<extracts::Column>& columns) {
  if (candidate.spec == nullptr) return;
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  std::set<std::string> known;
  for (const auto& [name, type] : candidate.spec->types) {
    if (std::none_of(names.begin(), names.end(),
                     [&](const std::string& each) { return iequals(each, name); }))
      wrong_setting(candidate, "types",
                    fmt::format("has the column '{}', which the table does not have{}", escape_control(name),
                                nearest_name(name, names)));
    if (!known.insert(to_lower(name)).second)
      wrong_setting(candidate, "types", fmt::format("has the column '{}' twice", escape_control(name)));
  }
}

}  // namespace agnes::connectors::files
