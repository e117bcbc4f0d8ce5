#include "core/extracts/database_read.h"

#include "lib/base/shorten.h"
#include "lib/base/text.h"
#include "lib/duck/attach.h"

namespace agnes::extracts {

namespace {

std::string text_of(const duck::Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : std::string();
}

// The rows of a table of an attached extract, every value as text of some kB, by the column's name.
std::vector<std::map<std::string, std::string>> text_rows(duck::Connection& connection,
                                                          const std::string& table) {
  // No more of a text than is shown of it.
  auto result = connection.execute(fmt::format("SELECT left(CAST(COLUMNS(*) AS VARCHAR), {}) FROM extract.{}",
                                               kLongestForeignText, duck::quote_identifier(table)));
  std::vector<std::string> names;
  for (std::size_t c = 0; c < result.column_count(); ++c) names.push_back(to_lower(result.column_name(c)));
  std::vector<std::map<std::string, std::string>> out;
  for (const auto& row : result.rows()) {
    auto& item = out.emplace_back();
    for (std::size_t c = 0; c < names.size(); ++c) item[names[c]] = text_of(row[c]);
  }
  return out;
}

std::vector<Column> describe(duck::Connection& connection, const std::string& name) {
  std::vector<Column> out;
  for (const auto& row : connection.execute("DESCRIBE extract." + duck::quote_identifier(name)).rows())
    out.push_back({text_of(row.at(0)), text_of(row.at(1))});
  check_columns(out);
  return out;
}

}  // namespace

ExtractFacts read_database(duck::Connection& connection, const fs::path& file, const FileStamp& stamp) {
  ExtractFacts out;
  out.stamp = stamp;
  duck::attach_read_only(connection, file.string(), "extract");
  struct Guard {
    duck::Connection& connection;
    ~Guard() {
      try {
        connection.execute("DETACH extract");
      } catch (const std::exception&) {
        // A database that broke while it was read; the next ATTACH says so.
      }
    }
  } guard{connection};
  auto objects = connection.execute(
      "SELECT view_name, sql, true FROM duckdb_views() WHERE database_name = 'extract' AND schema_name = "
      "'main' AND "
      "NOT internal UNION ALL SELECT table_name, sql, false FROM duckdb_tables() WHERE database_name = "
      "'extract' AND "
      "schema_name = 'main' AND NOT internal");
  for (const auto& row : objects.rows()) {
    if (std::get<bool>(row.at(2)))
      out.views[text_of(row.at(0))] = text_of(row.at(1));
    else
      (duck::is_plain_table(text_of(row.at(1))) ? out.tables : out.computed_tables)
          .push_back(text_of(row.at(0)));
  }
  const auto has_table = [&](const char* name) {
    return std::find(out.tables.begin(), out.tables.end(), name) != out.tables.end();
  };
  if (!has_table("_meta"))
    throw Error(ErrorKind::invalid, "it has no table _meta, or one with generated columns");
  for (auto& row : text_rows(connection, "_meta")) {
    MetaRow meta;
    meta.table_name = row["table_name"];
    meta.description = shortened(std::move(row["description"]));
    meta.rows = parse_int(row["rows"]).value_or(0);
    meta.size_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, parse_int(row["size_bytes"]).value_or(0)));
    meta.extracted_at = parse_timestamp(row["extracted_at"]);
    if (!row["query_mode"].empty()) meta.query_mode = row["query_mode"];
    out.meta.push_back(std::move(meta));
  }
  if (has_table("_remote_attach")) out.remote_attach = text_rows(connection, "_remote_attach");
  for (const auto& row : out.meta) {
    const auto& name = row.table_name;
    // A view is not bound here: it may read anything.
    if (!has_table(name.c_str()) || out.table_columns.contains(name)) continue;
    try {
      out.table_columns[name] = describe(connection, name);
    } catch (const Error&) {
      // Too much to describe.
    }
  }
  return out;
}

ExtractFacts facts_from_files(const fs::path& folder, const FileStamp& stamp) {
  ExtractFacts out;
  out.stamp = stamp;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder / kDataFolder, error)) {
    const bool is_folder = entry.is_directory(error);
    const fs::path& path = entry.path();
    if (!is_folder && path.extension() != ".parquet") continue;
    MetaRow row;
    row.table_name = is_folder ? path.filename() : path.stem();
    if (!is_identifier(row.table_name)) continue;
    out.views[row.table_name] =
        fmt::format("CREATE VIEW {} AS SELECT * FROM read_parquet({}, union_by_name = true);",
                    duck::quote_identifier(row.table_name),
                    duck::quote_literal((is_folder ? path / "*.parquet" : path).string()));
    out.meta.push_back(std::move(row));
  }
  std::sort(out.meta.begin(), out.meta.end(),
            [](const auto& a, const auto& b) { return a.table_name < b.table_name; });
  return out;
}

}  // namespace agnes::extracts
