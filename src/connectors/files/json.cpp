#include "connectors/files/json_error.h"
#include "connectors/files/read.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

namespace {

// More keys than this at the top are a map from ids to things, not columns.
constexpr std::size_t kMaxColumns = 1'000;

class JsonReader : public TableReader {
 public:
  JsonReader(duck::Connection& connection, const Candidate& candidate, bool quick)
      : connection_(connection), candidate_(candidate), quick_(quick) {
    for (const auto& file : candidate.files) check_root(file);
    find_columns();
    check_overrides(candidate, columns_);
    for (const auto& column : columns_) expressions_.push_back(expression(column));
    if (!quick) narrow();
  }

  std::string select() override {
    std::string list;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", expressions_[i],
                          duck::quote_identifier(columns_[i].name));
    return "SELECT " + list + " FROM " + read_sql();
  }

  bool reconsider(const duck::QueryError& error) override { complain(error, candidate_.files.front()); }

 private:
  // "[" or "{" or "": how the file begins.
  std::string opening(const SourceFile& file) {
    try {
      for (const auto& line : first_lines(connection_, file, 100)) {
        const auto text = trim(line);
        if (!text.empty()) return std::string(text.substr(0, text.starts_with("\xEF\xBB\xBF") ? 4 : 1));
      }
    } catch (const duck::QueryError&) {
      // A first line of more than 1 MB: a document on one line.
      return "?";
    }
    return "";
  }

  [[noreturn]] void no_table(const SourceFile& file, const std::string& why) const {
    throw SourceError("not_a_table", file.relative, std::nullopt,
                      fmt::format("{} is not a table: {}", shown(file.relative), why));
  }

  void check_root(const SourceFile& file) {
    const std::string begins = opening(file);
    if (begins.empty())
      throw SourceError("malformed", file.relative, std::nullopt,
                        fmt::format("{} is empty", shown(file.relative)));
    const std::string from = fmt::format("read_json_objects({}, format = '{}')", quoted_path(file),
                                         file.format == Format::json_lines ? "newline_delimited" : "auto");
    std::int64_t objects = 0, others = 0;
    std::string other;
    try {
      for (const auto& row :
           connection_
               .execute(fmt::format("SELECT json_type(json), count(*) FROM {} GROUP BY ALL",
                                    quick_ ? "(SELECT json FROM " + from + " LIMIT 2048)" : from))
               .rows()) {
        const auto* type = std::get_if<std::string>(&row.at(0));
        const auto count = std::get<std::int64_t>(row.at(1));
        if (type != nullptr && *type == "OBJECT") {
          objects += count;
        } else {
          others += count;
          other = type != nullptr ? to_lower(*type) : "null";
        }
      }
    } catch (const duck::QueryError& error) {
      complain(error, file);
    }
    if (others > 0)
      no_table(file, fmt::format("it holds {} of type {} where a table has objects with named values", others,
                                 other));
    if (objects == 0) no_table(file, "it holds no rows, so that its columns are not known");
    if (objects > 1 || file.format == Format::json_lines || begins.ends_with("[")) return;
    const auto nested = duck::scalar<std::string>(
        connection_,
        fmt::format("SELECT string_agg(key, ', ') FROM (SELECT e.key FROM {} AS o, json_each(o.json) AS e "
                    "WHERE e.type IN ('OBJECT', 'ARRAY') LIMIT 5)",
                    from));
    if (nested)
      no_table(file,
               fmt::format(
                   "it is one object with nested values ({}); a table is a list of objects, or one object a "
                   "line",
                   escape_control(*nested)));
  }

  std::string format_option() const {
    return candidate_.files.front().format == Format::json_lines ? ", format = 'newline_delimited'" : "";
  }

  void find_columns() {
    const auto ask = [&](const std::string& more) {
      std::vector<extracts::Column> out;
      try {
        for (const auto& row :
             connection_
                 .execute(fmt::format(
                     "DESCRIBE SELECT * FROM read_json({}, sample_size = {}, union_by_name = true, "
                     "hive_partitioning = false{}{})",
                     path_list(candidate_), quick_ ? 2048 : -1, format_option(), more))
                 .rows())
          out.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1))});
      } catch (const duck::QueryError& error) {
        if (std::string_view(error.what()).find("expected records") != std::string_view::npos)
          no_table(candidate_.files.front(), "its objects are empty");
        complain(error, candidate_.files.front());
      }
      return out;
    };
    columns_ = ask("");
    // Objects whose keys hardly ever agree are one map to DuckDB. They may still be rows of a wide table.
    if (columns_.size() == 1 && columns_[0].name == "json" && columns_[0].type.starts_with("MAP("))
      columns_ = ask(", records = true, field_appearance_threshold = 0, map_inference_threshold = -1");
    if (columns_.empty()) no_table(candidate_.files.front(), "its objects are empty");
    if (columns_.size() > kMaxColumns)
      no_table(candidate_.files.front(),
               fmt::format("its objects have {} different keys; with ids as keys, put the id into a value",
                           columns_.size()));
  }

  std::string read_sql() const {
    // The types are known: naming them saves another look, and takes in keys that are rare.
    std::string columns;
    for (const auto& column : columns_)
      columns += fmt::format("{}{}: {}", columns.empty() ? "" : ", ", duck::quote_literal(column.name),
                             duck::quote_literal(column.type));
    return fmt::format("read_json({}, columns = {{{}}}, hive_partitioning = false{})", path_list(candidate_),
                       columns, format_option());
  }

  std::string expression(const extracts::Column& column) const {
    const std::string name = duck::quote_identifier(column.name);
    if (candidate_.spec == nullptr) return name;
    const auto type = candidate_.spec->types.find(column.name);
    if (type == candidate_.spec->types.end()) return name;
    const std::string wanted = checked_type(candidate_.table, column.name, type->second);
    const bool from_json = column.type == "JSON" && !iequals(wanted, "JSON");
    return fmt::format("CAST({} AS {})", from_json ? "(" + name + " ->> '$')" : name, wanted);
  }

  // JSON is DuckDB's answer to a column of, say, numbers and texts. Where no value is nested, its texts
  // without quotes are what people want. HUGEINT, from positive and negative numbers together, has no type in
  // Parquet.
  void narrow() {
    std::string list;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string name = duck::quote_identifier(columns_[i].name);
      if (expressions_[i] != name) continue;
      if (columns_[i].type == "JSON")
        list +=
            fmt::format("{}count_if(json_type({}) IN ('OBJECT', 'ARRAY'))", list.empty() ? "" : ", ", name);
      else if (columns_[i].type == "HUGEINT" || columns_[i].type == "UBIGINT")
        list += fmt::format("{0}count_if({1} IS NOT NULL AND try_cast({1} AS BIGINT) IS NULL)",
                            list.empty() ? "" : ", ", name);
      else
        continue;
      asked.push_back(i);
    }
    if (asked.empty()) return;
    std::vector<std::vector<duck::Value>> rows;
    try {
      rows = connection_.execute("SELECT " + list + " FROM " + read_sql()).rows();
    } catch (const duck::QueryError& error) {
      complain(error, candidate_.files.front());
    }
    for (std::size_t k = 0; k < asked.size(); ++k) {
      const auto* count = std::get_if<std::int64_t>(&rows.at(0).at(k));
      const std::int64_t unfit = count != nullptr ? *count : 0;
      auto& out = expressions_[asked[k]];
      if (columns_[asked[k]].type == "JSON") {
        if (unfit == 0) out = fmt::format("({} ->> '$')", out);
      } else {
        out = fmt::format("CAST({} AS {})", out, unfit == 0 ? "BIGINT" : "VARCHAR");
      }
    }
  }

  [[noreturn]] void complain(const duck::QueryError& error, const SourceFile& otherwise) const {
    if (not_the_files_fault(error)) throw error;
    const std::string said = error.what();
    const SourceFile* file = &otherwise;
    for (const auto& candidate : candidate_.files)
      if (said.find("\"" + candidate.path + "\"") != std::string::npos) file = &candidate;
    if (said.find("maximum_object_size") != std::string::npos)
      no_table(*file, "it has an object of more than 16 MB");
    // DuckDB counts values, not lines, in most forms.
    const auto line = first_bad_json_line(connection_, *file);
    std::string cause = extracts::short_message(said);
    if (const auto colon = cause.rfind(": ");
        cause.starts_with("Malformed JSON") && colon != std::string::npos)
      cause = "is not JSON: " + cause.substr(colon + 2);
    else if (const auto text = cause.find(": ");
             cause.starts_with("JSON transform error") && text != std::string::npos)
      cause = "does not fit: " + cause.substr(text + 2);
    else
      cause = "cannot be read: " + cause;
    const std::string where =
        line ? fmt::format("{} line {}", shown(file->relative), *line) : shown(file->relative);
    throw SourceError("malformed", file->relative, line, where + " " + without_paths(candidate_, cause));
  }

  duck::Connection& connection_;
  const Candidate& candidate_;
  bool quick_;
  std::vector<extracts::Column> columns_;
  std::vector<std::string> expressions_;
};

}  // namespace

std::unique_ptr<TableReader> open_json(duck::Connection& connection, const Candidate& candidate, bool quick) {
  return std::make_unique<JsonReader>(connection, candidate, quick);
}

}  // namespace agnes::connectors::files
