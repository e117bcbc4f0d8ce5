#include <algorithm>
#include <optional>

#include "connectors/files/parquet_footer.h"
#include "connectors/files/parquet_values.h"
#include "connectors/files/partitions.h"
#include "connectors/files/read.h"
#include "connectors/files/value_functions.h"
#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

namespace {

// What a statement says that met a value which is not one of the type that is set for its column.
constexpr std::string_view kUnfit = "agnes: a value that does not fit the type of column ";
// And one that met what the readers of our own files would take for something else.
constexpr std::string_view kStrange = "agnes: a strange value of column ";

// What no value of a column may be.
struct Strange {
  std::string (*absent_sql)(const std::string& name, std::string_view type);
  const char* what;
};
constexpr Strange kStranges[] = {
    {has_times_sql, "a time that is not within a day, or too far from today to be read: write NULL"},
    {has_keys_once_sql,
     "a map with one key twice, of which readers would keep one value: write a list of pairs"},
};

// Parquet files have their columns and types with them. What DuckDB would read in another way than it is written
// is found first.
class ParquetReader : public TableReader {
 public:
  ParquetReader(duck::Connection& connection, const Candidate& candidate, bool quick)
      : connection_(connection),
        candidate_(candidate),
        files_(candidate.files),
        parts_(candidate.files.size()) {
    for (std::size_t i = 0; i < files_.size(); ++i) open(i);
    add_partitions();
    if (!quick)
      for (std::size_t i = 0; i < files_.size(); ++i) check(i);
    for (std::size_t c = 0; c < columns_.size(); ++c)
      if (kind_of(c) != Nanos::none)
        columns_[c].type = kind_of(c) == Nanos::instant ? "VARCHAR" : "TIMESTAMP_NS";
    check_overrides(candidate, columns_);
    for (const auto& column : columns_)
      if (const auto type = set_type(connection, candidate, column.name)) set_types_[column.name] = *type;
  }

  std::string select() override {
    // By name, because DuckDB has the columns of folders in an order of its own.
    std::string list;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto set = set_types_.find(columns_[c].name);
      list += fmt::format("{}{} AS {}", c > 0 ? ", " : "",
                          set != set_types_.end() ? checked_cast(c, set->second) : checked(c),
                          duck::quote_identifier(columns_[c].name));
    }
    return fmt::format("SELECT {} FROM {}", list, source());
  }

  bool reconsider(const duck::QueryError& error) override {
    const std::string_view said = error.what();
    if (const auto at = said.find(kUnfit); at != std::string_view::npos)
      name_value(std::strtoull(said.data() + at + kUnfit.size(), nullptr, 10));
    if (const auto at = said.find(kStrange); at != std::string_view::npos)
      name_strange(std::strtoull(said.data() + at + kStrange.size(), nullptr, 10));
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (said.find(files_[i].path) != std::string_view::npos ||
          (!parts_[i].twin.empty() && said.find(parts_[i].twin) != std::string_view::npos))
        explain(error, files_[i]);
    explain(error, files_.front());
  }

 private:
  // What is particular of one file.
  struct Part {
    std::optional<ParquetFooter> footer;  // of one with nanoseconds
    std::string twin;                     // a path: what is read instead, where DuckDB would cut digits
  };

  void open(std::size_t index) {
    SourceFile& file = files_[index];
    auto footer = read_parquet_footer(file);
    if (footer && footer->completed) {
      const fs::path completed = folder() / "completed" / file.relative;
      fs::create_directories(completed.parent_path());
      write_parquet_twin(file, *footer, {}, true, completed);
      file.path = completed;
      footer = read_parquet_footer(file);
    }
    std::vector<extracts::Column> columns;
    try {
      for (const auto& row : connection_.execute("DESCRIBE FROM " + plain(quoted_path(file))).rows())
        columns.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1))});
    } catch (const duck::QueryError& error) {
      explain(error, file);
    }
    extracts::check_columns(columns);
    if (!footer || footer->columns.size() != columns.size())
      wrong(file, "has a footer that makes no sense: copy the file again, or write it anew");
    if (index == 0) columns_ = columns;
    compare(file, columns);
    if (!footer->columns_with_nanos().empty()) parts_[index].footer = std::move(footer);
  }

  void compare(const SourceFile& file, const std::vector<extracts::Column>& columns) const {
    const std::string other = shown(files_.front().relative);
    for (std::size_t c = 0; c < std::min(columns.size(), columns_.size()); ++c) {
      if (columns[c] == columns_[c]) continue;
      if (columns[c].name != columns_[c].name) break;
      wrong(file,
            fmt::format("has the column '{}' as {}, and {} has it as {}: the files of one folder must be "
                        "alike",
                        escape_control(columns[c].name), columns[c].type, other, columns_[c].type));
    }
    if (columns != columns_)
      wrong(file,
            fmt::format("does not have the columns of {}: the files of one folder must be alike", other));
  }

  void add_partitions() {
    own_columns_ = columns_.size();
    partitions_ = find_partitions(connection_, files_);
    std::vector<std::string> names;
    for (const auto& column : columns_) names.push_back(column.name);
    refuse_hidden(partitions_, files_.front(), names);
    columns_.insert(columns_.end(), partitions_.columns.begin(), partitions_.columns.end());
  }

  // Reads what DuckDB does not look at, or would cut.
  void check(std::size_t index) {
    const auto& file = files_[index];
    auto& part = parts_[index];
    const auto footer = part.footer ? part.footer : read_parquet_footer(file);
    if (!footer) wrong(file, "changed while it was read: sync again");
    check_parquet_pages(file, *footer);
    if (!part.footer) return;
    const fs::path twin = folder() / fmt::format("{}.parquet", index);
    write_parquet_twin(file, *footer, footer->columns_with_nanos(), false, twin);
    NanosFound found;
    try {
      found = find_nanos(connection_, duck::quote_literal(extracts::escape_glob(twin)), *footer);
    } catch (const duck::QueryError& error) {
      explain(error, file);
    }
    for (const auto& leaf : footer->leaves) {
      if (leaf.nanos == Nanos::none) continue;
      const bool inexact = found.inexact[leaf.column];
      if (found.out_of_range[leaf.column] || (inexact && footer->columns[leaf.column].nested))
        wrong(file, fmt::format("has times in column '{}' that DuckDB does not have{}: write them in "
                                "microseconds, or as text",
                                escape_control(leaf.path), inexact ? " to the nanosecond" : ""));
      if (inexact) exact_[leaf.column] = leaf.nanos;
    }
    fs::remove(twin);
  }

  // The kind of nanoseconds for which a column gets another type.
  Nanos kind_of(std::size_t column) const {
    const auto found = exact_.find(column);
    return found == exact_.end() ? Nanos::none : found->second;
  }

  const fs::path& folder() {
    if (!folder_) {
      const fs::path parent =
          duck::scalar<std::string>(connection_, "SELECT current_setting('temp_directory')").value_or("");
      fs::create_directories(parent);
      folder_.emplace(parent);
    }
    return folder_->path();
  }

  std::string plain(const std::string& files) const {
    return fmt::format("read_parquet({}, hive_partitioning = false)", files);
  }
  std::string read(const std::string& files) const {
    return fmt::format("read_parquet({}, {})", files, partitions_.options());
  }

  std::string source() {
    if (exact_.empty() && !partitions_.read_as_null()) return read(path_list({{}, files_}));
    std::string out;
    for (std::size_t i = 0; i < files_.size(); ++i)
      out += (out.empty() ? "" : " UNION ALL ") + fmt::format("SELECT * FROM {}", source(i));
    return "(" + out + ")";
  }

  // One file with the types of the table.
  std::string source(std::size_t index) {
    const auto& file = files_[index];
    auto& part = parts_[index];
    if (exact_.empty() && !partitions_.read_as_null()) return read(quoted_path(file));
    std::map<std::size_t, Nanos> stored;
    if (part.footer && !exact_.empty()) {
      if (part.twin.empty()) {
        // In folders of the same names, which may be columns.
        const fs::path twin = folder() / file.relative;
        fs::create_directories(twin.parent_path());
        std::set<std::size_t> columns;
        for (const auto& [column, kind] : exact_) columns.insert(column);
        write_parquet_twin(file, *part.footer, columns, true, twin);
        part.twin = twin;
      }
      for (const auto& leaf : part.footer->leaves)
        if (leaf.nanos != Nanos::none) stored[leaf.column] = leaf.nanos;
    }
    std::string replaced;
    for (std::size_t c = 0; c < own_columns_; ++c) {
      const std::string name = duck::quote_identifier(columns_[c].name);
      if (kind_of(c) == Nanos::none) continue;
      std::string value;
      if (stored.contains(c))
        value = exact_nanos_sql(name, stored[c]);
      else if (kind_of(c) == Nanos::int96)
        value = fmt::format("CAST({} AS TIMESTAMP_NS)", name);
      else
        value = fmt::format("CAST(CAST({} AS TIMESTAMP) AS VARCHAR) || '+00:00'", name);
      replaced += (replaced.empty() ? "" : ", ") + value + " AS " + name;
    }
    for (std::size_t p = 0; p < partitions_.columns.size(); ++p)
      if (partitions_.reads_as_null(index, p))
        replaced += fmt::format("{}{} AS {}", replaced.empty() ? "" : ", ",
                                duck::quote_literal(*partitions_.values[index][p]),
                                duck::quote_identifier(partitions_.columns[p].name));
    const std::string from =
        read(part.twin.empty() ? quoted_path(file) : duck::quote_literal(extracts::escape_glob(part.twin)));
    return fmt::format("(SELECT *{} FROM {})", replaced.empty() ? "" : " REPLACE (" + replaced + ")", from);
  }

  // The column's value; what is strange ends the statement.
  std::string checked(std::size_t column) const {
    const std::string name = duck::quote_identifier(columns_[column].name);
    std::string out = name;
    for (const auto& strange : kStranges)
      if (const auto absent = strange.absent_sql(name, columns_[column].type); absent != "true")
        out = fmt::format("CASE WHEN {} THEN {} ELSE error({}) END", absent, out,
                          duck::quote_literal(fmt::format("{}{}.", kStrange, column)));
    return out;
  }

  std::string checked_cast(std::size_t column, const std::string& type) const {
    const std::string name = duck::quote_identifier(columns_[column].name), value = checked(column);
    // A strange value is met before it is cast.
    return fmt::format("CASE WHEN {0} IS NULL THEN NULL WHEN {1} THEN CAST({0} AS {2}) ELSE error({3}) END",
                       value, keeps_value_sql(value, columns_[column].type, type), type,
                       duck::quote_literal(fmt::format("{}{}.", kUnfit, column)));
  }

  [[noreturn]] void name_strange(std::size_t index) {
    const auto& column = columns_.at(index);
    const std::string name = duck::quote_identifier(column.name), shown_name = escape_control(column.name);
    for (std::size_t i = 0; i < files_.size(); ++i)
      for (const auto& strange : kStranges)
        if (const auto row = duck::scalar<std::int64_t>(
                connection_,
                fmt::format("SELECT row FROM (SELECT NOT ({}) AS bad, row_number() OVER () AS row FROM {}) "
                            "WHERE bad LIMIT 1",
                            strange.absent_sql(name, column.type), source(i))))
          wrong(files_[i], fmt::format("row {} has in column '{}' {}", *row, shown_name, strange.what));
    wrong(files_.front(), "changed while it was read: sync again");
  }

  [[noreturn]] void name_value(std::size_t index) {
    const auto& column = columns_.at(index);
    const std::string name = duck::quote_identifier(column.name), type = set_types_.at(column.name);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const auto rows =
          connection_
              .execute(
                  fmt::format("SELECT value, row FROM (SELECT CAST({0} AS VARCHAR) AS value, {0} IS NOT NULL "
                              "AND NOT coalesce({1}, false) AS bad, row_number() OVER () AS row FROM {2}) "
                              "WHERE bad LIMIT 1",
                              name, keeps_value_sql(name, column.type, type), source(i)))
              .rows();
      if (!rows.empty())
        wrong(files_[i], fmt::format("row {} has '{}' in column '{}', which is not a {}",
                                     std::get<std::int64_t>(rows[0][1]),
                                     escape_control(std::get<std::string>(rows[0][0]).substr(0, 200)),
                                     escape_control(column.name), type));
    }
    wrong(files_.front(),
          fmt::format("has a value in column '{}' that is not a {}", escape_control(column.name), type));
  }

  [[noreturn]] static void wrong(const SourceFile& file, const std::string& what) {
    throw SourceError("malformed", file.relative, std::nullopt, shown(file.relative) + " " + what);
  }

  [[noreturn]] void explain(const duck::QueryError& error, const SourceFile& file) const {
    if (is_engine_failure(error)) throw broke_engine({{}, {file}}, error);
    if (not_the_files_fault(error)) throw error;
    std::string said = without_paths({{}, files_}, extracts::short_message(error.what()));
    if (folder_) said = replaced(said, folder_->path().string() + "/", "");
    const bool no_parquet = said.find("too small") != std::string::npos ||
                            said.find("Footer length") != std::string::npos ||
                            said.find("magic bytes") != std::string::npos;
    const bool far = said.find("Could not convert Timestamp") != std::string::npos;
    wrong(file, no_parquet ? "is not a Parquet file: it may be cut off"
                : far      ? "has a timestamp that is too far from today to be read: write NULL"
                           : "cannot be read: " + said);
  }

  duck::Connection& connection_;
  const Candidate& candidate_;
  std::vector<extracts::Column> columns_;  // the files' own and those of their folders
  std::size_t own_columns_ = 0;
  std::vector<SourceFile> files_;                 // the candidate's, where they are read
  std::vector<Part> parts_;                       // by file
  std::map<std::size_t, Nanos> exact_;            // columns whose nanoseconds count
  std::map<std::string, std::string> set_types_;  // by column: what the configuration says
  Partitions partitions_;
  std::optional<TemporaryFolder> folder_;
};

}  // namespace

std::unique_ptr<TableReader> open_parquet(duck::Connection& connection, const Candidate& candidate,
                                          bool quick) {
  return std::make_unique<ParquetReader>(connection, candidate, quick);
}

}  // namespace agnes::connectors::files
