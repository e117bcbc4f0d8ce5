#include "core/extracts/extract.h"

#include <sys/stat.h>

#include "lib/base/shorten.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::extracts {

std::optional<FileStamp> stamp_of(const fs::path& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return std::nullopt;
  return stamp_of(found);
}
FileStamp stamp_of(const struct stat& info) {
  return {static_cast<std::uint64_t>(info.st_size),
          std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec,
          static_cast<std::uint64_t>(info.st_ino)};
}

std::string escape_glob(const fs::path& file) {
  std::string out;
  for (const char c : file.string()) {
    if (c == '*' || c == '?' || c == '[')
      out += {'[', c, ']'};
    else
      out += c;
  }
  return out;
}

std::string read_parquet_sql(const std::vector<std::string>& files, bool union_by_name) {
  std::string list;
  for (const auto& file : files) list += (list.empty() ? "" : ", ") + duck::quote_literal(escape_glob(file));
  if (files.size() != 1) list = "[" + list + "]";
  // Without the last option, a folder named "year=2024" on the way to the file would become a column.
  return "read_parquet(" + list + (union_by_name ? ", union_by_name = true" : "") +
         ", hive_partitioning = false)";
}

duck::Database open_engine(const EngineOptions& options) {
  std::map<std::string, std::string> settings = {
      {"threads", std::to_string(std::max(1, options.threads))},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"temp_directory", options.temp_folder},
  };
  if (options.memory_bytes != 0) settings["memory_limit"] = fmt::format("{}B", options.memory_bytes);
  return duck::Database({{}, settings});
}

std::vector<Column> parquet_columns(duck::Connection& connection, const std::vector<std::string>& files,
                                    bool union_by_name) {
  std::vector<Column> out;
  auto rows = connection.execute("DESCRIBE SELECT * FROM " + read_parquet_sql(files, union_by_name)).rows();
  for (auto& row : rows) out.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1))});
  check_columns(out);
  return out;
}

void check_columns(const std::vector<Column>& columns) {
  constexpr std::size_t kMost = 1u << 20;
  std::size_t size = 0;
  for (const auto& column : columns) size += column.name.size() + column.type.size();
  if (size > kMost)
    throw Error(
        ErrorKind::invalid,
        fmt::format(
            "the names and types of its columns take {}, and may take {}: it has too many columns, or "
            "too many nested keys",
            human_bytes(size), human_bytes(kMost)));
}

std::int64_t parquet_rows(duck::Connection& connection, const std::vector<std::string>& files) {
  std::int64_t rows = 0;
  for (const auto& file : files)
    rows += duck::scalar<std::int64_t>(connection, "SELECT num_rows FROM parquet_file_metadata(" +
                                                       duck::quote_literal(escape_glob(file)) + ")")
                .value_or(0);
  return rows;
}

// With the names of types of a file that means to be long.
static constexpr std::size_t kLongestMessage = 1000;

std::string short_message(const std::string& said) {
  std::string_view line = said;
  // A streamed statement wraps the cause: "Attempting to execute ...\nError: Invalid Input Error: ...".
  if (const auto inner = line.find("\nError: "); inner != std::string_view::npos)
    line.remove_prefix(inner + 8);
  line = line.substr(0, line.find('\n'));
  for (const std::string_view kind :
       {"Invalid Input Error: ", "Conversion Error: ", "IO Error: ", "Binder Error: ", "Catalog Error: ",
        "Serialization Error: ", "Out of Memory Error: "})
    if (line.starts_with(kind)) line.remove_prefix(kind.size());
  return shortened(escape_control(trim(line.substr(0, kLongestForeignText))), kLongestMessage);
}

std::string why_not_written(const Error& error) {
  const std::string why = short_message(error.what());
  if (error.kind() != ErrorKind::insufficient_storage) return why;
  // DuckDB says of both that there is no more.
  if (std::string_view(error.what()).find("emory") == std::string_view::npos)
    return fmt::format("the disk is full ({}); free some space and sync again", why);
  return fmt::format("it needs more memory than a sync may use ({}): raise extract.memory_mb", why);
}

}  // namespace agnes::extracts
