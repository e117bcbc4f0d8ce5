#include <atomic>
#include <set>

#include "connectors/files/csv_rows.h"
#include "connectors/files/csv_settings.h"
#include "connectors/files/partitions.h"
#include "connectors/files/read.h"
#include "connectors/files/value_functions.h"
#include "connectors/files/values.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

namespace {

// What is looked at to suggest types; each value is held against them when it is read.
constexpr std::int64_t kSampleRows = 20'480;
constexpr std::uint64_t kSampleBytes = 4 << 20;
// DuckDB's reader takes 100 KB for each column.
constexpr std::size_t kWideColumns = 1'000;
// A header that stands this far down, or less, may be what a row with more values is.
constexpr std::int64_t kTitleLines = 20;

// Kinds of values, by which a header is told from rows.
constexpr unsigned kNumber = 1, kMoment = 2, kTruth = 4, kAnyKind = 7;
unsigned kind_of(std::string_view text) {
  const auto type = type_of_all(types_of(text));
  if (type == "BOOLEAN") return kTruth;
  if (type == "DATE" || type.starts_with("TIME")) return kMoment;
  return is_value(text) ? kNumber : 0;
}

// As tables of countries have them for names of columns.
bool is_year(std::string_view text) {
  return text.size() == 4 && text.find_first_not_of("0123456789") == std::string_view::npos &&
         text >= "1800" && text <= "2100";
}

struct ColumnPlan {
  std::string name;
  std::string type = "VARCHAR";
  std::string format = {};  // of dates, set by the configuration: read with strptime
  bool fixed = false;       // set by the configuration
  // Of the values that have been seen, without those of the files' first lines until it is known whether these are headers:
  TypeSet types = kAnyType, first_types = kAnyType;
  unsigned kinds = kAnyKind;
  bool like_header = false;  // a row has the text of the first line, or a year where that has one
  bool empty() const { return types == kAnyType; }
};

// One of the table's files.
struct Part {
  const SourceFile* source;
  std::int64_t skipped = 0;  // lines before the header
  bool plain = false;        // DuckDB's reader takes it, as far as can be told
};

// Unlike in case, as the columns of a table must be.
void make_unlike(std::vector<std::string>& names) {
  std::map<std::string, std::int64_t> known;
  for (auto& name : names) {
    const std::string plain = name;
    const auto found = known.find(to_lower(name));
    if (found != known.end())
      while (known.contains(to_lower(name))) name = fmt::format("{}_{}", plain, found->second++);
    known[to_lower(name)] = 1;
  }
}

class CsvReader : public TableReader {
 public:
  CsvReader(duck::Connection& connection, const Candidate& candidate)
      : connection_(connection), candidate_(candidate), spec_(candidate.spec) {
    if (spec_ != nullptr) {
      const auto settings = read_csv_settings(connection, candidate);
      std::tie(dialect_, encoding_, forms_, format_type_) =
          std::tie(settings.dialect, settings.encoding, settings.forms, settings.format_type);
      delimiter_known_ = spec_->delimiter.has_value();
    }
    for (const auto& file : candidate.files) {
      parts_.push_back({&file});
      look_at_header(parts_.back());
    }
    whole_ = walk(true);
    // Whether the first line is a header is for all rows to say.
    if (!whole_ && !has_header() && !(spec_ != nullptr && spec_->header)) {
      forget();
      whole_ = walk(false);
    }
    settle_header();
    partitions_ = find_partitions(connection, candidate.files);
    std::vector<std::string> names;
    for (const auto& column : columns_) names.push_back(column.name);
    refuse_hidden(partitions_, candidate.files.front(), names);
    apply_set_types();
    const bool plain = columns_.size() <= kWideColumns && !partitions_.read_as_null() &&
                       std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.plain; });
    if (plain)
      decide_types();
    else
      take_over();
  }

  std::string select() override {
    std::string list;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string name = duck::quote_identifier(columns_[i].name), value = value_of(i);
      list += (list.empty() ? "" : ", ") + value;
      if (value != name) list += " AS " + name;
    }
    for (std::size_t i = 0; i < partitions_.columns.size(); ++i) {
      const std::string name = duck::quote_identifier(partitions_.columns[i].name);
      list += ", ";
      if (const auto set = folder_types_.find(i); set != folder_types_.end())
        list += set_type_sql(name, set->second, columns_.size() + i) + " AS ";
      list += name;
    }
    return fmt::format("SELECT {} FROM {}", list, read_sql());
  }

  std::string note() const override {
    const auto is_text = [](const std::string& cell) { return !trim(cell).empty() && !is_value(cell); };
    if (spec_ != nullptr && spec_->header) return "";
    const auto& part = parts_.front();
    if (names_years_ && !header_differs_)
      return fmt::format(
          "{} line {} is taken as the header, as it names years one after the other: set header to false for "
          "the table {} if it is a row, else to true",
          shown(part.source->relative), part.skipped + 1, candidate_.table);
    if (has_header() || std::none_of(header_.begin(), header_.end(), is_text)) return "";
    return fmt::format(
        "{} line {} is taken as a row, as its values are like those below: set header to true for the "
        "table {} if it is the header, else to false",
        shown(part.source->relative), part.skipped + 1, candidate_.table);
  }

  bool reconsider(const duck::QueryError& error) override {
    if (not_the_files_fault(error)) throw error;
    const auto unfit = unfit_value(error);
    if (unfit) {
      if (unfit->column >= columns_.size()) name_folder(*unfit);
      if (columns_.at(unfit->column).fixed || whole_) name_value(*unfit);
      reread();
      return true;
    }
    if (!function_.empty())
      throw SourceError("malformed", candidate_.files.front().relative, std::nullopt,
                        fmt::format("{} cannot be read: {}", shown(candidate_.files.front().relative),
                                    without_paths(candidate_, extracts::short_message(error.what()))));
    take_over();
    return true;
  }

 private:
  [[noreturn]] static void complain(const Part& part, std::int64_t line, const std::string& what) {
    const auto& file = part.source->relative;
    throw SourceError("malformed", file, line, fmt::format("{} line {} {}", shown(file), line, what));
  }

  // "sep=;", which Excel writes and reads as the first line.
  static bool is_separator_line(std::string_view line) {
    return line.size() == 5 && iequals(line.substr(0, 4), "sep=");
  }

  // The text from its header on.
  CsvText open(Part& part) {
    CsvText text(*part.source, encoding_);
    for (std::int64_t left = spec_ != nullptr ? spec_->skip.value_or(0) : 0; left > 0 && text.take_line();
         --left)
      continue;
    text.dialect = dialect_;
    CsvRecord record;
    while (text.peek(record)) {
      const bool separator = is_separator_line(record.raw);
      if (separator && !delimiter_known_) dialect_.delimiter = text.dialect.delimiter = record.raw.back();
      if (separator) delimiter_known_ = true;
      if (!separator && !record.raw.empty()) {
        part.skipped = text.line() - 1;
        return text;
      }
      text.next(record);
    }
    throw SourceError("malformed", part.source->relative, std::nullopt,
                      fmt::format("{} is empty: it has no header", shown(part.source->relative)));
  }

  void choose_delimiter(CsvText& text, const Part& part) {
    if (delimiter_known_) return;
    delimiter_known_ = true;
    if (part.source->format == Format::tsv) {
      text.dialect.delimiter = dialect_.delimiter = "\t";
      return;
    }
    // The one that cuts the header into most names, and no quoted name; a comma where none does.
    std::pair<std::ptrdiff_t, std::size_t> best = {0, 1};
    for (const char* candidate : {",", ";", "\t", "|"}) {
      CsvRecord record;
      text.dialect.delimiter = candidate;
      text.peek(record);
      const auto quoted = std::count_if(record.values.begin(), record.values.end(),
                                        [](const CsvValue& value) { return value.quoted; });
      const std::pair found(quoted, record.values.size());
      if (found.second < 2 || found <= best || !record.fault.empty()) continue;
      best = found;
      dialect_.delimiter = candidate;
    }
    text.dialect = dialect_;
  }

  void look_at_header(Part& part) {
    CsvText text = open(part);
    choose_delimiter(text, part);
    CsvRecord record;
    text.next(record);
    // Where lines end otherwise in a header of several lines, or before it, than behind it, DuckDB reads no row.
    part.plain = text.encoding() == "utf-8" && !text.has_marks() && !part.source->has_zeros &&
                 part.skipped == 0 && record.raw.find_first_of("\r\n") == std::string_view::npos;
    check(part, text, record, record.values.size());
    std::vector<std::string> header;
    for (const auto& value : record.values) header.emplace_back(value.text);
    if (columns_.empty()) {
      header_ = std::move(header);
      columns_.resize(header_.size());
    } else if (header.size() != header_.size()) {
      refuse_header(*part.source);
    } else if (header != header_ && other_header_ == nullptr) {
      other_header_ = part.source;
    }
  }

  [[noreturn]] void refuse_header(const SourceFile& file) const {
    throw SourceError("malformed", file.relative, std::nullopt,
                      fmt::format("{} does not have the columns of {}: the files of one folder must be alike",
                                  shown(file.relative), shown(parts_.front().source->relative)));
  }

  bool has_header() const {
    if (spec_ != nullptr && spec_->header) return *spec_->header;
    return std::none_of(header_.begin(), header_.end(),
                        [this](const std::string& cell) { return is_value(plain_text(cell, forms_)); }) ||
           header_differs_ || names_years_ || stands_alone();
  }

  // The only line of the only file names columns when it could: no name is there twice, and one is a text.
  bool stands_alone() const {
    const std::set<std::string> names(header_.begin(), header_.end());
    return whole_ && !has_rows_ && parts_.size() == 1 && names.size() == header_.size() &&
           std::any_of(header_.begin(), header_.end(), [this](const std::string& cell) {
             return !trim(cell).empty() && !is_value(plain_text(cell, forms_));
           });
  }

  // "country,code,1960,1961": texts and years one after the other, none of which the rows have in the same column.
  bool has_years() const {
    int years = 0, before = 0;
    bool texts = false;
    for (std::size_t i = 0; i < header_.size(); ++i) {
      const auto cell = trim(header_[i]);
      // An index has no name.
      if (i == 0 && cell.empty() && !columns_[i].empty()) texts = true;
      if (cell.empty()) continue;
      if (columns_[i].like_header) return false;
      if (!is_year(cell)) {
        if (is_value(plain_text(cell, forms_))) return false;
        texts = true;
        continue;
      }
      const int year = static_cast<int>(parse_int(cell).value_or(0));
      if (years++ > 0 && year != before + 1) return false;
      before = year;
    }
    return texts && years > 1 && has_rows_ && other_header_ == nullptr;
  }

  // A first line with a number, a date or such is a row when the rows have the same kinds of values.
  void settle_header() {
    names_years_ = has_years();
    for (std::size_t i = 0; i < header_.size(); ++i)
      if (!header_[i].empty() && !columns_[i].empty() &&
          kind_of(plain_text(header_[i], forms_)) != columns_[i].kinds)
        header_differs_ = true;
    std::vector<std::string> names;
    const bool named = has_header();
    if (named && other_header_ != nullptr) refuse_header(*other_header_);
    for (std::size_t i = 0; i < header_.size(); ++i) {
      const std::string name =
          named ? replaced(std::string(trim(header_[i])), std::string(1, '\0'), "\\u0000") : "";
      const auto digits = std::to_string(header_.size() - 1).size();
      names.push_back(name.empty() ? fmt::format("column{:0{}}", i, digits) : name);
    }
    make_unlike(names);
    for (std::size_t i = 0; i < names.size(); ++i) columns_[i].name = names[i];
    header_settled_ = true;
    if (named) return;
    for (auto& column : columns_) column.types &= column.first_types;
  }

  void apply_set_types() {
    std::vector<extracts::Column> columns;
    for (const auto& column : columns_) columns.push_back({column.name, column.type});
    columns.insert(columns.end(), partitions_.columns.begin(), partitions_.columns.end());
    check_overrides(candidate_, columns);
    for (std::size_t i = 0; i < partitions_.columns.size(); ++i) {
      auto& column = partitions_.columns[i];
      const auto type = set_type(connection_, candidate_, column.name);
      if (!type) continue;
      folder_types_[i] = *type;
      column.type = "VARCHAR";  // as it is written
    }
    for (auto& column : columns_) {
      const auto type = set_type(connection_, candidate_, column.name);
      if (!type) continue;
      column.type = *type;
      column.fixed = true;
      if (column.type == "DATE") column.format = spec_->date_format.value_or("");
      if (column.type.starts_with("TIMESTAMP")) column.format = spec_->timestamp_format.value_or("");
    }
  }

  // Throws what is wrong with a record.
  void check(const Part& part, const CsvText& text, const CsvRecord& record, std::size_t wanted) const {
    if (record.raw.find('\0') != std::string_view::npos)
      complain(
          part, record.line,
          "has a NUL byte, which no text has: the file is damaged, or in another encoding (UTF-16?), which "
          "the setting encoding names");
    if (!record.fault.empty()) complain(part, record.line, std::string(record.fault));
    if (!is_utf8(record.raw)) {
      std::int64_t line = record.line;
      for (const auto& each : split(record.raw, '\n')) {
        if (!is_utf8(each)) break;
        ++line;
      }
      complain(
          part, line,
          text.encoding() == "utf-8"
              ? "is not UTF-8: save the file as UTF-8, or set its encoding in the configuration"
              : fmt::format("has a character that {} does not have: set its encoding in the configuration",
                            text.encoding()));
    }
    const auto found = record.values.size();
    if (found == wanted || found == 0) return;
    if (found == wanted + 1 && record.values.back().raw.empty()) return;
    std::string what = fmt::format("has {} values where the header has {}", found, wanted);
    if (found > wanted && record.line - part.skipped <= kTitleLines && wanted == 1)
      what += fmt::format("; if the header is not line {}, set skip to the number of lines before it",
                          part.skipped + 1);
    complain(part, record.line, what);
  }

  void examine(const CsvRecord& record, bool may_be_header) {
    for (std::size_t i = 0; i < columns_.size() && i < record.values.size(); ++i) {
      auto& column = columns_[i];
      const auto& value = record.values[i];
      if (value.text.empty() || (!value.quoted && spec_ != nullptr && spec_->null_text == value.text))
        continue;
      TypeSet& types = may_be_header ? column.first_types : column.types;
      if (types == 0 && (header_settled_ || may_be_header)) continue;
      const auto plain = forms_.usual() ? std::string() : plain_text(value.text, forms_);
      const std::string_view text = forms_.usual() ? value.text : plain;
      if (types != 0) types &= types_of(text);
      if (header_settled_ || may_be_header) continue;
      column.kinds &= kind_of(text);
      if (value.text == header_[i] || (is_year(value.text) && is_year(header_[i]))) column.like_header = true;
    }
  }

  // Reads the files' rows, a sample of them or all, for the types of their values; true when it was the end.
  bool walk(bool sample) {
    std::int64_t rows = 0;
    for (auto& part : parts_) {
      CsvText text = open(part);
      text.dialect = dialect_;
      CsvRecord record;
      for (bool first = true; text.next(record); first = false) {
        check(part, text, record, columns_.size());
        has_rows_ = has_rows_ || (!first && !record.values.empty());
        if (!first || !header_settled_ || !has_header()) examine(record, first && !header_settled_);
        if (sample && (++rows > kSampleRows || text.bytes() > kSampleBytes)) return false;
      }
    }
    return true;
  }

  void forget() {
    for (auto& column : columns_) {
      column.types = column.first_types = kAnyType;
      column.kinds = kAnyKind;
      column.like_header = false;
    }
  }

  // The types by all values of all files. Where all values of a column fit the type that it had, it is the same again: what
  // comes before it in the list holds fewer of them, not more.
  void reread() {
    forget();
    whole_ = walk(false);
    decide_types();
  }

  // Reads the rows without DuckDB's reader, which does not take these files, or not with so many columns. Where it met
  // something odd, `check` tells what is wrong on the way to the end.
  void take_over() {
    static std::atomic<std::uint64_t> count = 0;
    CsvRows rows;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      rows.files.push_back({*parts_[i].source, parts_[i].skipped, {}});
      if (!partitions_.columns.empty()) rows.files.back().folders = partitions_.values[i];
    }
    rows.encoding = encoding_;
    rows.dialect = dialect_;
    rows.header = has_header();
    if (spec_ != nullptr) rows.null_text = spec_->null_text;
    rows.columns = columns_.size();
    duck::ProgramTable table;
    for (const auto& column : columns_) table.columns.emplace_back(column.name, duck::ProgramType{});
    for (const auto& column : partitions_.columns)
      table.columns.emplace_back(column.name, duck::ProgramType{});
    table.read = [rows = std::move(rows)] { return rows.read(); };
    function_ = fmt::format("agnes_csv_{}", ++count);
    duck::register_table(connection_, function_, std::move(table));
    if (whole_)
      decide_types();
    else
      reread();
  }

  void decide_types() {
    for (auto& column : columns_) {
      if (column.fixed) continue;
      column.type = type_of_all(column.types);
      column.format.clear();
    }
    decide_formats();
  }

  // A format that is set makes dates of the columns in which every value has it.
  void decide_formats() {
    if (spec_ == nullptr) return;
    for (const auto& [type, format] :
         {std::pair{std::string("DATE"), spec_->date_format}, {format_type_, spec_->timestamp_format}}) {
      if (!format) continue;
      std::string list;
      for (const auto& column : columns_)
        list += fmt::format("{0}count_if({1} <> ''), count({2})", list.empty() ? "" : ", ",
                            duck::quote_identifier(column.name),
                            formatted(duck::quote_identifier(column.name), *format, type));
      const auto query = fmt::format("SELECT {} FROM (SELECT * FROM {}{})", list, read_sql(),
                                     whole_ ? "" : fmt::format(" LIMIT {}", kSampleRows));
      std::vector<duck::Value> row;
      try {
        row = connection_.execute(query).rows().at(0);
      } catch (const duck::QueryError& error) {
        reconsider(error);
        return;
      }
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const auto filled = number(row.at(2 * i)), dates = number(row.at(2 * i + 1));
        if (columns_[i].fixed || filled == 0 || filled != dates) continue;
        columns_[i].type = type;
        columns_[i].format = *format;
      }
    }
  }
  // The value of the text `name` by a format; NULL where it has another one, or says more than the type holds. The words that
  // strptime takes for days (infinity, epoch) have no digit.
  std::string formatted(const std::string& name, const std::string& format, const std::string& type) const {
    const std::string read_as = type == "DATE" ? "TIMESTAMP" : format_type_;
    if (read_as.ends_with("ZONE") && type != read_as) return fmt::format("NULL::{}", type);
    const std::string value = fmt::format("try_strptime({}, {})", name, duck::quote_literal(format));
    return fmt::format(
        "CASE WHEN regexp_matches({0}, '[0-9]') AND CAST(TRY_CAST({1} AS {2}) AS {3}) = {1} THEN "
        "TRY_CAST({1} AS {2}) END",
        name, value, type, read_as);
  }
  // count_if of no rows is NULL.
  static std::int64_t number(const duck::Value& value) {
    const auto* count = std::get_if<std::int64_t>(&value);
    return count != nullptr ? *count : 0;
  }

  std::string value_of(std::size_t index) const {
    const auto& column = columns_[index];
    const std::string name = duck::quote_identifier(column.name);
    if (!column.format.empty())
      return fmt::format("CASE WHEN {0} IS NULL OR {0} = '' THEN NULL ELSE coalesce({1}, {2}) END", name,
                         formatted(name, column.format, column.type), unfit_sql(name, index));
    if (column.type == "VARCHAR" && (column.fixed || whole_ || !column.empty())) return name;
    const std::string text = plain_sql(name, forms_);
    if (column.fixed) return set_type_sql(text, column.type, index);
    if (column.empty() && !whole_) return empty_sql(name, index);
    return value_sql(text, column.type, index);
  }

  static std::string text_of(char c) { return c == '\0' ? std::string() : std::string(1, c); }

  // All values as texts. An empty cell is NULL, a quoted empty one is the empty text. Nothing is left to DuckDB's guess
  // here: it would make a ragged file a table of one column.
  std::string read_sql() const {
    if (!function_.empty()) {
      std::string typed;
      for (const auto& column : partitions_.columns)
        typed += fmt::format("{0}CAST({1} AS {2}) AS {1}", typed.empty() ? "" : ", ",
                             duck::quote_identifier(column.name), column.type);
      return typed.empty() ? function_ + "()"
                           : fmt::format("(SELECT * REPLACE ({}) FROM {}())", typed, function_);
    }
    std::string columns, nulls;
    for (const auto& column : columns_)
      columns +=
          fmt::format("{}{}: 'VARCHAR'", columns.empty() ? "" : ", ", duck::quote_literal(column.name));
    if (spec_ != nullptr && spec_->null_text)
      nulls = fmt::format(", nullstr = ['', {}]", duck::quote_literal(*spec_->null_text));
    return fmt::format(
        "read_csv({}, auto_detect = false, columns = {{{}}}, header = {}, delim = {}, quote = {}, escape = "
        "{}, comment = '', strict_mode = true, {}, allow_quoted_nulls = false{})",
        path_list(candidate_), columns, has_header(), duck::quote_literal(dialect_.delimiter),
        duck::quote_literal(text_of(dialect_.quote)), duck::quote_literal(text_of(dialect_.escape)),
        partitions_.options(), nulls);
  }

  [[noreturn]] void name_folder(const UnfitValue& unfit) const {
    const auto index = unfit.column - columns_.size();
    const auto& values = partitions_.values;
    const auto found = std::find_if(values.begin(), values.end(),
                                    [&](const auto& folders) { return folders.at(index) == unfit.text; });
    const auto& file =
        candidate_.files.at(found == values.end() ? 0 : static_cast<std::size_t>(found - values.begin()));
    throw SourceError(
        "malformed", file.relative, std::nullopt,
        fmt::format("{} lies in a folder with '{}' for column '{}', which is not a {}", shown(file.relative),
                    escape_control(unfit.text.substr(0, 200)),
                    escape_control(partitions_.columns.at(index).name), folder_types_.at(index)));
  }

  // Says where the value stands that does not fit.
  [[noreturn]] void name_value(const UnfitValue& unfit) {
    const auto& column = columns_.at(unfit.column);
    const auto what = [&](std::string_view text) {
      return fmt::format("has '{}' in column '{}', which is not a {}",
                         escape_control(std::string(text.substr(0, 200))), escape_control(column.name),
                         column.type);
    };
    for (auto& part : parts_) {
      CsvText text = open(part);
      text.dialect = dialect_;
      CsvRecord record;
      for (bool first = true; text.next(record); first = false)
        if (!(first && has_header()) && unfit.column < record.values.size()) {
          const auto value = record.values[unfit.column].text;
          // SQL has seen it in the usual form where settings say another, and up to a NUL.
          if (std::string(value).c_str() == unfit.text || plain_text(value, forms_).c_str() == unfit.text)
            complain(part, record.line, what(value));
        }
    }
    const auto& file = candidate_.files.front();
    throw SourceError("malformed", file.relative, std::nullopt,
                      shown(file.relative) + " " + what(unfit.text));
  }

  duck::Connection& connection_;
  const Candidate& candidate_;
  const TableSpec* spec_;
  CsvDialect dialect_;
  TextForms forms_;
  std::string encoding_;
  std::vector<Part> parts_;
  std::vector<std::string> header_;           // the first part's first record
  const SourceFile* other_header_ = nullptr;  // a part with another one
  Partitions partitions_;
  std::map<std::size_t, std::string> folder_types_;  // of these columns: what the configuration says
  std::vector<ColumnPlan> columns_;
  bool delimiter_known_ = false, header_differs_ = false, names_years_ = false, header_settled_ = false;
  bool has_rows_ = false;                  // behind a first line
  bool whole_ = false;                     // the types are those of all values
  std::string format_type_ = "TIMESTAMP";  // of what timestamp_format reads
  std::string function_;                   // reads the rows where DuckDB's reader does not
};

}  // namespace

std::unique_ptr<TableReader> open_csv(duck::Connection& connection, const Candidate& candidate,
                                      bool /*quick*/) {
  return std::make_unique<CsvReader>(connection, candidate);
}

}  // namespace agnes::connectors::files
