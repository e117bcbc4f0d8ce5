#include "connectors/files/read.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

namespace {

constexpr std::string_view kNotWhole = "is not a whole number";

// What DuckDB looks at to suggest types.
constexpr int kSampleRows = 20'480;

struct ColumnPlan {
  std::string name;
  std::string type;
  std::string format;  // of dates that are not ISO: read as text, then strptime
  bool fixed = false;  // set by the configuration
  // Whole numbers as far as the sample goes. DuckDB would round a later 1.5 to 2, so each value is looked at.
  bool unsure = false;
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
      : connection_(connection), candidate_(candidate), spec_(candidate.spec), quick_(quick) {
    for (const auto& file : candidate.files) sniff(file);
    std::vector<extracts::Column> columns;
    for (auto& column : columns_) columns.push_back({column.name, column.type});
    check_overrides(candidate, columns);
    for (auto& column : columns_) {
      if (spec_ == nullptr) break;
      const auto type = spec_->types.find(column.name);
      if (type == spec_->types.end()) continue;
      column.type = checked_type(candidate.table, column.name, type->second);
      column.fixed = true;
      doubtful_.erase(column.name);
    }
    if (quick_) return;
    doubt_sample();
    for (auto& column : columns_) column.unsure = column.type == "BIGINT" && !column.fixed;
    if (!doubtful_.empty()) detect(doubtful_);
  }

  std::string select() override {
    std::string list;
    for (const auto& column : columns_)
      if (read_as_text(column)) list += (list.empty() ? "" : ", ") + expression(column);
    return fmt::format("SELECT *{} FROM {}", list.empty() ? "" : " REPLACE (" + list + ")", read_sql(false));
  }

  bool reconsider(const duck::QueryError& error) override {
    if (not_the_files_fault(error)) throw error;
    const CsvComplaint complaint = parse_complaint(error.what());
    const auto column = std::find_if(columns_.begin(), columns_.end(),
                                     [&](const ColumnPlan& plan) { return plan.name == complaint.column; });
    const bool cast = error.type() == DUCKDB_ERROR_CONVERSION && !complaint.line;
    const bool ours = (complaint.conversion && column != columns_.end() && !column->fixed) || cast ||
                      std::string_view(error.what()).find(kNotWhole) != std::string_view::npos;
    if (!ours || reconsidered_) complain(error, candidate_.files.front());
    reconsidered_ = true;
    std::set<std::string> all;
    for (const auto& plan : columns_)
      if (!plan.fixed && plan.type != "VARCHAR") all.insert(plan.name);
    detect(all);
    return true;
  }

 private:
  std::string encoding() const { return spec_ != nullptr ? spec_->encoding.value_or("") : ""; }
  std::string quote() const { return spec_ != nullptr ? spec_->quote.value_or("\"") : "\""; }
  std::string escape() const { return spec_ != nullptr ? spec_->escape.value_or(quote()) : quote(); }
  std::int64_t skip() const { return spec_ != nullptr ? spec_->skip.value_or(0) : 0; }

  static bool read_as_text(const ColumnPlan& column) { return !column.format.empty() || column.unsure; }

  static std::string expression(const ColumnPlan& column) {
    const std::string name = duck::quote_identifier(column.name);
    if (column.unsure)
      return fmt::format(
          "CASE WHEN CAST(CAST({0} AS BIGINT) AS VARCHAR) <> {0} THEN error({1}) ELSE CAST({0} AS BIGINT) "
          "END AS {0}",
          name, duck::quote_literal(kNotWhole));
    return fmt::format("CAST(strptime({0}, {1}) AS {2}) AS {0}", name, duck::quote_literal(column.format),
                       column.type);
  }

  // Options that say how the text is cut into values: the same for looking and for reading. Nothing is left
  // to DuckDB's guess here: it would make a ragged file a table of one column.
  std::string dialect() const {
    std::string out = fmt::format(
        ", delim = {}, quote = {}, escape = {}, skip = {}, comment = '', strict_mode = true",
        duck::quote_literal(delimiter_), duck::quote_literal(quote()), duck::quote_literal(escape()), skip());
    if (!encoding().empty()) out += ", encoding = " + duck::quote_literal(encoding());
    if (spec_ != nullptr && spec_->null_text) out += ", nullstr = " + duck::quote_literal(*spec_->null_text);
    return out;
  }

  std::string read_sql(bool as_text, const std::string& files = "") const {
    std::string columns;
    for (const auto& column : columns_)
      columns += fmt::format("{}{}: {}", columns.empty() ? "" : ", ", duck::quote_literal(column.name),
                             duck::quote_literal(as_text || read_as_text(column) ? "VARCHAR" : column.type));
    std::string out = fmt::format(
        "read_csv({}, auto_detect = false, columns = {{{}}}, header = {}{}, hive_partitioning = {}",
        files.empty() ? path_list(candidate_) : files, columns, header_, dialect(),
        is_partitioned(candidate_));
    if (!as_text && !date_format_.empty()) out += ", dateformat = " + duck::quote_literal(date_format_);
    if (!as_text && !timestamp_format_.empty())
      out += ", timestampformat = " + duck::quote_literal(timestamp_format_);
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

  // The header's text: more than one line when a quoted name has a line break in it.
  std::string header_record(const SourceFile& file) const {
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
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].type != columns_[i].type) doubtful_.insert(columns[i].name);
  }

  std::vector<ColumnPlan> sniff(const SourceFile& file, const std::string& record, bool first) {
    std::string wanted_header;
    if (spec_ != nullptr && spec_->header)
      wanted_header = fmt::format(", header = {}", *spec_->header);
    else if (!first)
      wanted_header = fmt::format(", header = {}", header_);
    std::vector<ColumnPlan> columns;
    try {
      columns = suggested(file, wanted_header, first);
    } catch (const duck::QueryError& error) {
      if (not_the_files_fault(error)) throw;
      diagnose(file, record);
      complain(error, file);
    }
    // A file of texts alone gives no hint whether its first line is a header; files without one are rare.
    const bool texts = std::all_of(columns.begin(), columns.end(),
                                   [](const ColumnPlan& column) { return column.type == "VARCHAR"; });
    if (first && wanted_header.empty() && !header_ && texts)
      columns = suggested(file, ", header = true", first);
    return columns;
  }

  std::vector<ColumnPlan> suggested(const SourceFile& file, const std::string& header, bool first) {
    auto rows = connection_
                    .execute(fmt::format(
                        "SELECT c.name, c.type, HasHeader, DateFormat, TimestampFormat FROM (SELECT "
                        "unnest(Columns) AS c, "
                        "HasHeader, DateFormat, TimestampFormat FROM sniff_csv({}, sample_size = {}{}{}))",
                        quoted_path(file), kSampleRows, dialect(), header))
                    .rows();
    std::vector<ColumnPlan> columns;
    for (const auto& row : rows) {
      columns.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1)), "", false});
      if (!first) continue;
      if (const auto* found = std::get_if<bool>(&row.at(2))) header_ = *found;
      if (const auto* text = std::get_if<std::string>(&row.at(3))) date_format_ = *text;
      if (const auto* text = std::get_if<std::string>(&row.at(4))) timestamp_format_ = *text;
    }
    if (spec_ != nullptr && spec_->date_format) date_format_ = *spec_->date_format;
    if (spec_ != nullptr && spec_->timestamp_format) timestamp_format_ = *spec_->timestamp_format;
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
      connection_
          .execute("SELECT count(*), " + counts() + " FROM " + read_sql(true, "[" + quoted_path(file) + "]"))
          .rows();
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

  // Columns of which the sample tells nothing, or tells wrong.
  void doubt_sample() {
    std::vector<const ColumnPlan*> asked;
    std::string list;
    for (const auto& column : columns_) {
      if (column.fixed || (column.type != "VARCHAR" && column.type != "DOUBLE")) continue;
      const std::string name = duck::quote_identifier(column.name);
      asked.push_back(&column);
      list += fmt::format(
          ", count({0}), count_if({0} IS NOT NULL AND NOT regexp_full_match({0}, '\\s*[-+]?[0-9]+\\s*'))",
          name);
    }
    if (asked.empty()) return;
    std::vector<std::vector<duck::Value>> rows;
    try {
      rows = connection_
                 .execute(fmt::format("SELECT count(*){} FROM (SELECT * FROM {} LIMIT {})", list,
                                      read_sql(true), kSampleRows))
                 .rows();
    } catch (const duck::QueryError& error) {
      complain(error, candidate_.files.front());
    }
    const auto number = [&](std::size_t i) { return count_of(rows.at(0).at(i)); };
    const bool more = number(0) >= kSampleRows;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto filled = number(1 + 2 * i), not_whole = number(2 + 2 * i);
      const bool unknown = asked[i]->type == "VARCHAR" && filled == 0 && more;
      // Whole numbers that DuckDB takes for DOUBLE are too long for BIGINT, and would lose their last digits.
      const bool too_long = asked[i]->type == "DOUBLE" && filled > 0 && not_whole == 0;
      if (unknown || too_long) doubtful_.insert(asked[i]->name);
    }
  }

  // Finds the narrowest type that every value of the columns has, in the whole of all files.
  void detect(const std::set<std::string>& names);
  void settle(ColumnPlan& column, const std::vector<std::int64_t>& fits, std::int64_t filled);
  void detect_formats(std::vector<ColumnPlan*> columns);

  duck::Connection& connection_;
  const Candidate& candidate_;
  const TableSpec* spec_;
  bool quick_;
  std::vector<ColumnPlan> columns_;
  std::set<std::string> doubtful_;
  std::string delimiter_ = ",", date_format_, timestamp_format_;
  bool header_ = true;
  bool reconsidered_ = false;
};

// The types in the order in which they are tried, each with a test of a value {0} that is true when it fits.
// Casts alone are too lenient: '1.5' is a BIGINT to them and '1' a BOOLEAN.
struct TypeTest {
  const char* type;
  const char* test;
};
constexpr TypeTest kTypeTests[] = {
    {"BOOLEAN", "lower({0}) IN ('true', 'false')"},
    {"BIGINT",
     "regexp_full_match({0}, '\\s*[-+]?(0|[1-9][0-9]*)\\s*') AND try_cast({0} AS BIGINT) IS NOT NULL"},
    {"DOUBLE", "try_cast({0} AS DOUBLE) IS NOT NULL AND NOT regexp_matches({0}, '^\\s*[-+]?0[0-9]')"},
    {"TIME", "regexp_matches({0}, '^\\s*[0-9]+:') AND try_cast({0} AS TIME) IS NOT NULL"},
    {"DATE",
     "regexp_full_match({0}, '\\s*[0-9]{{1,6}}-[0-9]{{1,2}}-[0-9]{{1,2}}\\s*') AND try_cast({0} AS DATE) IS "
     "NOT NULL"},
    {"TIMESTAMP",
     "NOT regexp_matches({0}, ':[0-9.]+\\s*(Z|[-+][0-9:]+)\\s*$') AND try_cast({0} AS TIMESTAMP) IS NOT "
     "NULL"},
    {"TIMESTAMP WITH TIME ZONE", "try_cast({0} AS TIMESTAMPTZ) IS NOT NULL"},
    // No type, but a fact: whole numbers, whatever their length.
    {"", "regexp_full_match({0}, '\\s*[-+]?[0-9]+\\s*')"},
};

constexpr const char* kDateFormats[] = {"%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y",
                                        "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y"};
constexpr const char* kTimeFormats[] = {"", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p"};

void CsvReader::detect(const std::set<std::string>& names) {
  std::vector<ColumnPlan*> columns;
  std::string list;
  for (auto& column : columns_) {
    if (!names.contains(column.name)) continue;
    columns.push_back(&column);
    const std::string name = duck::quote_identifier(column.name);
    list += fmt::format("{}count({})", list.empty() ? "" : ", ", name);
    for (const auto& test : kTypeTests)
      list +=
          fmt::format(", count_if({} IS NOT NULL AND {})", name, fmt::format(fmt::runtime(test.test), name));
  }
  if (columns.empty()) return;
  std::vector<std::vector<duck::Value>> rows;
  try {
    rows = connection_.execute("SELECT " + list + " FROM " + read_sql(true)).rows();
  } catch (const duck::QueryError& error) {
    complain(error, candidate_.files.front());
  }
  std::vector<ColumnPlan*> texts;
  std::size_t at = 0;
  for (auto* column : columns) {
    const auto next = [&] { return count_of(rows.at(0).at(at++)); };
    const auto filled = next();
    std::vector<std::int64_t> fits;
    for (std::size_t i = 0; i < std::size(kTypeTests); ++i) fits.push_back(next());
    settle(*column, fits, filled);
    if (column->type == "VARCHAR" && filled > 0) texts.push_back(column);
  }
  date_format_ = spec_ != nullptr ? spec_->date_format.value_or("") : "";
  timestamp_format_ = spec_ != nullptr ? spec_->timestamp_format.value_or("") : "";
  if (date_format_.empty() && timestamp_format_.empty()) detect_formats(texts);
}

void CsvReader::settle(ColumnPlan& column, const std::vector<std::int64_t>& fits, std::int64_t filled) {
  column.type = "VARCHAR";
  column.format.clear();
  column.unsure = false;
  if (filled == 0) return;
  const bool whole_numbers = fits.back() == filled;
  for (std::size_t i = 0; i + 1 < std::size(kTypeTests); ++i) {
    const std::string_view type = kTypeTests[i].type;
    if (fits[i] != filled || (type == "DOUBLE" && whole_numbers)) continue;
    column.type = type;
    return;
  }
}

void CsvReader::detect_formats(std::vector<ColumnPlan*> columns) {
  std::string list;
  std::vector<std::string> formats;
  for (const char* time : kTimeFormats)
    for (const char* date : kDateFormats) formats.push_back(std::string(date) + time);
  std::erase_if(columns, [&](const ColumnPlan* column) {
    const auto first = duck::scalar<std::string>(
        connection_, fmt::format("SELECT {0} FROM {1} WHERE {0} IS NOT NULL LIMIT 1",
                                 duck::quote_identifier(column->name), read_sql(true)));
    return !first ||
           duck::scalar<bool>(connection_, "SELECT regexp_matches(?, '^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]')",
                              *first) != true;
  });
  if (columns.empty()) return;
  for (const auto* column : columns) {
    const std::string name = duck::quote_identifier(column->name);
    list += fmt::format("{}count({})", list.empty() ? "" : ", ", name);
    for (const auto& format : formats)
      list += fmt::format(", count(try_strptime({}, {}))", name, duck::quote_literal(format));
  }
  const auto rows = connection_.execute("SELECT " + list + " FROM " + read_sql(true)).rows();
  std::size_t at = 0;
  for (auto* column : columns) {
    const auto filled = count_of(rows.at(0).at(at++));
    for (const auto& format : formats) {
      const auto fits = count_of(rows.at(0).at(at++));
      if (fits != filled || column->type != "VARCHAR") continue;
      column->type = format.find(' ') != std::string::npos ? "TIMESTAMP" : "DATE";
      column->format = format;
    }
  }
}

}  // namespace

std::unique_ptr<TableReader> open_csv(duck::Connection& connection, const Candidate& candidate, bool quick) {
  return std::make_unique<CsvReader>(connection, candidate, quick);
}

}  // namespace agnes::connectors::files
