#include "connectors/files/csv_types.h"
#include "connectors/files/read.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

namespace {

// What a statement says that met a value which is not one of its column's type.
constexpr std::string_view kUnfit = "agnes: a value that does not fit the type of column ";

// What is looked at to suggest types; each value is held against them when it is read.
constexpr int kSampleRows = 20'480;

struct ColumnPlan {
  std::string name;
  std::string type;
  std::string format;  // of dates, set by the configuration: read with strptime
  bool fixed = false;  // set by the configuration
};

// "line 7 of sales.csv ..." from what DuckDB says of a CSV file.
struct CsvComplaint {
  std::optional<std::int64_t> line;
  std::string path, column, cause;
  bool conversion = false;
};

// count_if of no rows is NULL.
std::int64_t count_of(const duck::Value& value) {
  const auto* count = std::get_if<std::int64_t>(&value);
  return count != nullptr ? *count : 0;
}

std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const auto begin = text.find(before);
  if (begin == std::string::npos) return "";
  const auto end = text.find(after, begin + before.size());
  return text.substr(begin + before.size(), end == std::string::npos ? end : end - begin - before.size());
}

CsvComplaint parse_complaint(const std::string& said) {
  CsvComplaint out;
  if (const auto line = parse_int(trim(between(said, "CSV Error on Line: ", "\n")))) out.line = *line;
  out.path = between(said, "\n  file = ", "\n");
  out.column = between(said, "Error when converting column \"", "\". Could");
  out.conversion = !out.column.empty();
  const std::string expected = between(said, "Expected Number of Columns: ", " Found: ");
  if (!expected.empty())
    out.cause =
        fmt::format("has {} values where the header has {}", trim(between(said, " Found: ", "\n")), expected);
  else if (out.conversion)
    out.cause = fmt::format("has {} in column '{}', which is not a {}",
                            between(said, "Could not convert string ", " to '"), out.column,
                            between(said, " to '", "'\n"));
  else if (said.find("unterminated quote") != std::string::npos)
    out.cause = "has a quoted value that does not end";
  else if (said.find("Invalid unicode") != std::string::npos)
    out.cause = "is not UTF-8: save the file as UTF-8, or set its encoding in the configuration";
  else if (said.find("Maximum line size") != std::string::npos)
    out.cause = "is longer than 2 MB";
  else
    out.cause = "cannot be read: " + extracts::short_message(said);
  return out;
}

// The values of a header, quotes taken off.
std::vector<std::string> split_record(std::string_view record, char delimiter, char quote) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (const char c : record) {
    if (quote != '\0' && c == quote)
      quoted = !quoted;
    else if (c == delimiter && !quoted)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

class CsvReader : public TableReader {
 public:
  CsvReader(duck::Connection& connection, const Candidate& candidate, bool quick)
      : connection_(connection), candidate_(candidate), spec_(candidate.spec) {
    for (const auto& file : candidate.files) sniff(file);
    std::vector<extracts::Column> columns;
    for (auto& column : columns_) columns.push_back({column.name, column.type});
    check_overrides(candidate, columns);
    for (auto& column : columns_) {
      if (spec_ == nullptr) break;
      const auto type = spec_->types.find(column.name);
      if (type == spec_->types.end()) continue;
      column.type = duck::scalar<std::string>(
                        connection_, fmt::format("SELECT typeof(CAST(NULL AS {}))",
                                                 checked_type(candidate.table, column.name, type->second)))
                        .value();
      column.fixed = true;
      if (column.type == "DATE") column.format = spec_->date_format.value_or("");
      if (column.type.starts_with("TIMESTAMP")) column.format = spec_->timestamp_format.value_or("");
    }
    // A sample says nothing of a column that is empty in it.
    if (decide_types(true) && !quick) decide_types(false);
  }

  std::string select() override {
    std::string list;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].type != "VARCHAR") list += (list.empty() ? "" : ", ") + expression(i);
    return fmt::format("SELECT *{} FROM {}", list.empty() ? "" : " REPLACE (" + list + ")", read_sql());
  }

  bool reconsider(const duck::QueryError& error) override {
    if (not_the_files_fault(error)) throw error;
    const std::string said = error.what();
    const auto at = said.find(kUnfit);
    if (at == std::string::npos) complain(error, candidate_.files.front());
    const auto& column =
        columns_.at(static_cast<std::size_t>(std::strtoull(said.c_str() + at + kUnfit.size(), nullptr, 10)));
    if (column.fixed || reconsidered_) name_value(column);
    reconsidered_ = true;
    decide_types(false);
    return true;
  }

 private:
  std::string encoding() const { return spec_ != nullptr ? spec_->encoding.value_or("") : ""; }
  std::string quote() const { return spec_ != nullptr ? spec_->quote.value_or("\"") : "\""; }
  std::string escape() const { return spec_ != nullptr ? spec_->escape.value_or(quote()) : quote(); }
  std::int64_t skip() const { return spec_ != nullptr ? spec_->skip.value_or(0) : 0; }

  // True where the column's text is a value of its type.
  static std::string fits(const ColumnPlan& column) {
    const std::string name = duck::quote_identifier(column.name);
    if (!column.format.empty())
      return fmt::format("try_strptime({}, {}) IS NOT NULL", name, duck::quote_literal(column.format));
    return column.fixed ? fits_set_type_sql(name, column.type) : fits_sql(name, column.type);
  }

  std::string expression(std::size_t index) const {
    const auto& column = columns_[index];
    const std::string name = duck::quote_identifier(column.name);
    const std::string value = column.format.empty()
                                  ? name
                                  : fmt::format("strptime({}, {})", name, duck::quote_literal(column.format));
    return fmt::format(
        "CASE WHEN {0} = '' THEN NULL WHEN {1} THEN CAST({2} AS {3}) WHEN {0} IS NULL THEN NULL ELSE "
        "error({4}) "
        "END AS {0}",
        name, fits(column), value, column.type, duck::quote_literal(fmt::format("{}{}.", kUnfit, index)));
  }

  // Options that say how the text is cut into values: the same for looking and for reading. Nothing is left
  // to DuckDB's guess here: it would make a ragged file a table of one column.
  std::string dialect(std::int64_t skipped) const {
    std::string out =
        fmt::format(", delim = {}, quote = {}, escape = {}, skip = {}, comment = '', strict_mode = true",
                    duck::quote_literal(delimiter_), duck::quote_literal(quote()),
                    duck::quote_literal(escape()), skipped);
    if (!encoding().empty()) out += ", encoding = " + duck::quote_literal(encoding());
    if (spec_ != nullptr && spec_->null_text) out += ", nullstr = " + duck::quote_literal(*spec_->null_text);
    return out;
  }

  // All values as texts. An empty cell is NULL, a quoted empty one is the empty text.
  std::string read_sql(const std::string& files, std::int64_t skipped) const {
    std::string columns;
    for (const auto& column : columns_)
      columns +=
          fmt::format("{}{}: 'VARCHAR'", columns.empty() ? "" : ", ", duck::quote_literal(column.name));
    return fmt::format(
        "read_csv({}, auto_detect = false, columns = {{{}}}, header = {}{}, hive_partitioning = {}, "
        "allow_quoted_nulls = false)",
        files, columns, header_, dialect(skipped), is_partitioned(candidate_));
  }

  std::string read_sql(const SourceFile& file) const {
    return read_sql("[" + quoted_path(file) + "]", skipped_.at(file.path));
  }

  std::string read_sql() const {
    const auto skipped = skipped_.at(candidate_.files.front().path);
    if (std::all_of(skipped_.begin(), skipped_.end(),
                    [&](const auto& file) { return file.second == skipped; }))
      return read_sql(path_list(candidate_), skipped);
    std::string out;
    for (const auto& file : candidate_.files)
      out += fmt::format("{}SELECT * FROM {}", out.empty() ? "(" : " UNION ALL ", read_sql(file));
    return out + ")";
  }

  [[noreturn]] void complain(const duck::QueryError& error, const SourceFile& otherwise) const {
    if (not_the_files_fault(error)) throw error;
    const CsvComplaint complaint = parse_complaint(error.what());
    const SourceFile* file = &otherwise;
    for (const auto& candidate : candidate_.files)
      if (candidate.path == complaint.path || extracts::escape_glob(candidate.path) == complaint.path)
        file = &candidate;
    const std::string where = complaint.line
                                  ? fmt::format("{} line {}", shown(file->relative), *complaint.line)
                                  : shown(file->relative);
    throw SourceError("malformed", file->relative, complaint.line,
                      where + " " + without_paths(candidate_, escape_control(complaint.cause)));
  }

  // "sep=;", which Excel writes and reads as the first line.
  static bool is_separator_line(const std::string& line) {
    return line.size() == 5 && to_lower(line).starts_with("sep=");
  }

  // Whether a name is a number, a date or such.
  bool has_values(const std::string& record) {
    std::string cells, fits;
    for (const auto& cell : split_record(record, delimiter_.empty() ? ',' : delimiter_.front(),
                                         quote().empty() ? '\0' : quote().front()))
      cells += fmt::format("{}({})", cells.empty() ? "" : ", ", duck::quote_literal(cell));
    for (const char* type : {"BOOLEAN", "TIME", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})
      fits += fits_sql("cell", type) + " OR ";
    fits += fits_set_type_sql("cell", "DOUBLE");
    return duck::scalar<bool>(connection_, fmt::format("SELECT bool_or({}) FROM (VALUES {}) AS t(cell)", fits,
                                                       cells)) == true;
  }

  // The header's text: more than one line when a quoted name has a line break in it.
  std::string header_record(const SourceFile& file) {
    std::vector<std::string> lines;
    try {
      lines = first_lines(connection_, file,
                          50 + static_cast<int>(std::clamp<std::int64_t>(skip(), 0, 100'000)), encoding());
    } catch (const duck::QueryError& error) {
      complain(error, file);
    }
    std::string record;
    const char mark = quote().empty() ? '\0' : quote().front();
    for (std::size_t i = static_cast<std::size_t>(std::max<std::int64_t>(0, skip())); i < lines.size(); ++i) {
      if (record.empty() && lines[i].empty()) continue;
      if (record.empty() && is_separator_line(lines[i])) {
        separator_ = lines[i].substr(4);
        continue;
      }
      if (record.empty()) header_begin_ = skipped_[file.path] = static_cast<std::int64_t>(i);
      header_end_ = static_cast<std::int64_t>(i) + 1;
      record += (record.empty() ? "" : "\n") + lines[i];
      if (mark == '\0' || std::count(record.begin(), record.end(), mark) % 2 == 0) return record;
    }
    if (record.empty())
      throw SourceError("malformed", file.relative, std::nullopt,
                        fmt::format("{} is empty: it has no header", shown(file.relative)));
    return record;
  }

  void choose_delimiter(const std::string& record, const SourceFile& file) {
    if (spec_ != nullptr && spec_->delimiter) {
      delimiter_ = *spec_->delimiter;
    } else if (!separator_.empty()) {
      delimiter_ = separator_;
    } else if (file.format == Format::tsv) {
      delimiter_ = "\t";
    } else {
      // The one that cuts the header into most names; a comma where none does.
      std::size_t best = 1;
      for (const char candidate : {',', ';', '\t', '|'}) {
        const auto count = split_record(record, candidate, quote().empty() ? '\0' : quote().front()).size();
        if (count <= best) continue;
        best = count;
        delimiter_ = candidate;
      }
    }
  }

  void sniff(const SourceFile& file) {
    const bool first = columns_.empty();
    const std::string record = header_record(file);
    if (first) choose_delimiter(record, file);
    std::vector<ColumnPlan> columns = sniff(file, record, first);
    if (first) {
      columns_ = std::move(columns);
      return;
    }
    const auto same = [](const ColumnPlan& a, const ColumnPlan& b) { return a.name == b.name; };
    if (!std::equal(columns.begin(), columns.end(), columns_.begin(), columns_.end(), same))
      throw SourceError(
          "malformed", file.relative, std::nullopt,
          fmt::format("{} does not have the columns of {}: the files of one folder must be alike",
                      shown(file.relative), shown(candidate_.files.front().relative)));
  }

  std::vector<ColumnPlan> sniff(const SourceFile& file, const std::string& record, bool first) {
    std::string wanted_header;
    if (spec_ != nullptr && spec_->header)
      wanted_header = fmt::format(", header = {}", *spec_->header);
    else if (!first)
      wanted_header = fmt::format(", header = {}", header_);
    else if (!has_values(record))
      wanted_header = ", header = true";
    std::vector<ColumnPlan> columns;
    try {
      columns = suggested(file, wanted_header, first);
      // DuckDB does not find the only name of a file with CRLF that begins with empty lines.
      if (columns.size() == 1 && header_ && columns[0].name == "column0" && !record.empty() &&
          record.find_first_of("\"\n") == std::string::npos)
        columns[0].name = record;
    } catch (const duck::QueryError& error) {
      if (not_the_files_fault(error)) throw;
      diagnose(file, record);
      complain(error, file);
    }
    return columns;
  }

  std::vector<ColumnPlan> suggested(const SourceFile& file, const std::string& header, bool first) {
    auto rows = connection_
                    .execute(fmt::format(
                        "SELECT c.name, c.type, HasHeader FROM (SELECT unnest(Columns) AS c, HasHeader FROM "
                        "sniff_csv({}, sample_size = {}{}{}))",
                        quoted_path(file), kSampleRows, dialect(skipped_.at(file.path)), header))
                    .rows();
    std::vector<ColumnPlan> columns;
    for (const auto& row : rows) {
      columns.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1)), "", false});
      if (!first) continue;
      if (const auto* found = std::get_if<bool>(&row.at(2))) header_ = *found;
    }
    return columns;
  }

  // Reads a file that DuckDB makes no sense of as texts, with the header's number of columns, to learn which
  // line breaks it.
  void diagnose(const SourceFile& file, const std::string& record) {
    const auto names = split_record(record, delimiter_.empty() ? ',' : delimiter_.front(),
                                    quote().empty() ? '\0' : quote().front());
    columns_.clear();
    for (std::size_t i = 0; i < names.size(); ++i)
      columns_.push_back({fmt::format("c{}", i), "VARCHAR", "", false});
    header_ = true;
    try {
      connection_.execute("SELECT count(*), " + counts() + " FROM " + read_sql(file)).rows();
    } catch (const duck::QueryError& error) {
      complain(error, file);
    }
  }

  std::string counts() const {
    std::string out;
    for (const auto& column : columns_)
      out += (out.empty() ? "count(" : ", count(") + duck::quote_identifier(column.name) + ")";
    return out;
  }

  // Gives each column the narrowest type that all its values have, in the first rows or in the whole of all
  // files. True when a column has no value and there are more rows.
  bool decide_types(bool sample) {
    std::string list;
    for (const auto& column : columns_)
      if (!column.fixed) list += facts_sql(duck::quote_identifier(column.name));
    if (list.empty()) return false;
    std::vector<duck::Value> row;
    try {
      row = connection_
                .execute(fmt::format("SELECT count(*){} FROM (SELECT * FROM {}{})", list, read_sql(),
                                     sample ? fmt::format(" LIMIT {}", kSampleRows) : ""))
                .rows()
                .at(0);
    } catch (const duck::QueryError& error) {
      complain(error, candidate_.files.front());
    }
    const bool more = sample && std::get<std::int64_t>(row.at(0)) >= kSampleRows;
    bool unknown = false;
    std::size_t at = 1;
    for (auto& column : columns_) {
      if (column.fixed) continue;
      unknown = unknown || (more && count_of(row.at(at)) == 0);
      column.type = decide_type(row, at);
      column.format.clear();
      at += facts_count();
    }
    decide_formats(sample);
    return unknown;
  }

  // A format that is set makes dates of the columns in which every value has it.
  void decide_formats(bool sample) {
    if (spec_ == nullptr) return;
    for (const auto& [type, format] :
         {std::pair{"DATE", spec_->date_format}, {"TIMESTAMP", spec_->timestamp_format}}) {
      if (!format) continue;
      for (auto& column : columns_) {
        if (column.fixed) continue;
        const auto row =
            connection_
                .execute(fmt::format(
                    "SELECT count_if({0} <> ''), count(try_strptime({0}, {1})) FROM (SELECT * FROM {2}{3})",
                    duck::quote_identifier(column.name), duck::quote_literal(*format), read_sql(),
                    sample ? fmt::format(" LIMIT {}", kSampleRows) : ""))
                .rows()
                .at(0);
        if (count_of(row.at(0)) == 0 || count_of(row.at(0)) != count_of(row.at(1))) continue;
        column.type = type;
        column.format = *format;
      }
    }
  }

  // Says which value does not fit, and where it stands.
  [[noreturn]] void name_value(const ColumnPlan& column) {
    const std::string name = duck::quote_identifier(column.name);
    std::string breaks = "0";
    for (const auto& each : columns_)
      breaks += fmt::format(" + coalesce(length({0}) - length(replace({0}, chr(10), '')), 0)",
                            duck::quote_identifier(each.name));
    for (const auto& file : candidate_.files) {
      header_record(file);
      const auto rows =
          connection_
              .execute(fmt::format(
                  "SELECT value, CAST(line AS BIGINT) FROM (SELECT CASE WHEN {0} <> '' AND NOT coalesce({1}, "
                  "false) THEN {0} END AS value, sum(1 + {2}) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND "
                  "CURRENT "
                  "ROW) - ({2}) AS line FROM {3}) WHERE value IS NOT NULL LIMIT 1",
                  name, fits(column), breaks, read_sql(file)))
              .rows();
      if (rows.empty()) continue;
      const auto line = std::get<std::int64_t>(rows.at(0).at(1)) + (header_ ? header_end_ : header_begin_);
      throw SourceError(
          "malformed", file.relative, line,
          fmt::format("{} line {} has '{}' in column '{}', which is not a {}", shown(file.relative), line,
                      escape_control(std::get<std::string>(rows.at(0).at(0)).substr(0, 200)),
                      escape_control(column.name), column.type));
    }
    throw SourceError(
        "malformed", candidate_.files.front().relative, std::nullopt,
        fmt::format("{} has a value in column '{}' that is not a {}",
                    shown(candidate_.files.front().relative), escape_control(column.name), column.type));
  }

  duck::Connection& connection_;
  const Candidate& candidate_;
  const TableSpec* spec_;
  std::vector<ColumnPlan> columns_;
  std::string delimiter_ = ",", separator_;
  std::map<std::string, std::int64_t> skipped_;     // by path: lines before the header
  std::int64_t header_begin_ = 0, header_end_ = 0;  // lines before the header, and with it
  bool header_ = true;
  bool reconsidered_ = false;
};

}  // namespace

std::unique_ptr<TableReader> open_csv(duck::Connection& connection, const Candidate& candidate, bool quick) {
  return std::make_unique<CsvReader>(connection, candidate, quick);
}

}  // namespace agnes::connectors::files
