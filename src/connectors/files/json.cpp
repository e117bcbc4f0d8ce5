#include <atomic>
#include <mutex>
#include <set>

#include "connectors/files/json_vectors.h"
#include "connectors/files/parquet_values.h"
#include "connectors/files/partitions.h"
#include "connectors/files/read.h"
#include "connectors/files/set_types.h"
#include "connectors/files/value_functions.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

namespace {

// More keys than this at the top are a map from ids to things, not columns.
constexpr std::size_t kMaxColumns = 1'000;
// Rows that are looked at where a preview will do.
constexpr std::int64_t kQuickRows = 2'048;
// A chunk ends early when its rows have so much text.
constexpr std::size_t kChunkBytes = 4 << 20;
// What a statement says that met a value which is not one of its column's type.
constexpr std::string_view kUnfit = "agnes: a value that does not fit the type of column ";

// What a reading of the rows needs, and the error in which it ended.
struct Table {
  std::vector<SourceFile> files;
  std::vector<std::string> keys;
  std::vector<JsonPlan> plans;  // of these keys
  Partitions partitions;
  std::int64_t most_rows = 0;

  std::mutex mutex;
  std::optional<SourceError> error;
};

// Gives the columns of the keys, c0 and so on, the partition columns, p0 and so on, and each row's file and line.
class Rows : public duck::RowProducer {
 public:
  explicit Rows(std::shared_ptr<Table> table) : table_(std::move(table)), left_(table_->most_rows) {
    for (const auto& key : table_->keys) keys_.find_or_add(key);
    for (const auto& plan : table_->plans) vectors_.emplace_back(plan);
  }

  std::size_t fill(duckdb_data_chunk chunk) override {
    try {
      return write(chunk);
    } catch (const SourceError& error) {
      const std::lock_guard lock(table_->mutex);
      table_->error = error;
      throw;
    }
  }

 private:
  bool next() {
    while (left_ > 0) {
      if (!rows_ && file_ == table_->files.size()) return false;
      if (!rows_) rows_.emplace(table_->files[file_]);
      if (rows_->next()) {
        --left_;
        return true;
      }
      rows_.reset();
      ++file_;
    }
    return false;
  }

  std::size_t write(duckdb_data_chunk chunk) {
    const auto& api = duck::api();
    const auto room = static_cast<std::size_t>(api.vector_size());
    for (std::size_t i = 0; i < vectors_.size(); ++i)
      vectors_[i].begin(api.data_chunk_get_vector(chunk, i), room);
    const auto parts = table_->partitions.columns.size();
    const auto numbers = [&](std::size_t column) {
      return static_cast<std::int64_t*>(
          api.vector_get_data(api.data_chunk_get_vector(chunk, vectors_.size() + parts + column)));
    };
    std::int64_t *files = numbers(0), *lines = numbers(1);
    std::size_t row = 0;
    for (std::size_t bytes = 0; row < room && bytes < kChunkBytes && next(); ++row) {
      bytes += rows_->row_bytes();
      files[row] = static_cast<std::int64_t>(file_);
      lines[row] = rows_->line();
      write_row(row);
      for (std::size_t i = 0; i < parts; ++i)
        duck::put_text(api.data_chunk_get_vector(chunk, vectors_.size() + i), row,
                       table_->partitions.values[file_][i]);
    }
    for (auto& vector : vectors_) vector.end();
    return row;
  }

  void write_row(std::size_t row) {
    const auto& tokens = rows_->tokens();
    const auto changed = [&](const JsonToken& token) {
      rows_->fail(rows_->line_of(token), "has changed while it was read: sync again");
    };
    if (tokens[0].kind != JsonKind::object) changed(tokens[0]);
    for (std::size_t at = 1; at < tokens[0].next; at = tokens[at + 1].next) {
      const auto index = keys_.find(rows_->content(tokens[at], space_));
      if (index == KeyList::kNone) changed(tokens[at]);
      vectors_[index].write(row, *rows_, at + 1);
    }
  }

  std::shared_ptr<Table> table_;
  std::int64_t left_;
  KeyList keys_;
  std::vector<JsonVector> vectors_;
  std::size_t file_ = 0;
  std::optional<JsonRows> rows_;
  std::string space_;
};

// How values are read as a type that is set: as texts where it has no lists and structs, so that each is held against its
// own type as it is written. Nothing where the lists and objects of the file are others.
std::optional<JsonPlan> plan_as_set(const JsonPlan& natural, const SetType& type) {
  if (type.name == "JSON") return JsonPlan{JsonAs::json, "JSON", {}, {}};
  if (type.kind == SetType::Kind::plain) return JsonPlan{};
  JsonPlan out{natural.as, text_form(type), type.keys, {}};
  if (type.kind == SetType::Kind::list && natural.as == JsonAs::list) {
    auto element = plan_as_set(natural.children[0], type.children[0]);
    if (!element) return std::nullopt;
    out.children.push_back(std::move(*element));
    return out;
  }
  if (natural.as != JsonAs::structure) return std::nullopt;
  if (type.kind == SetType::Kind::map && type.children[0].name == "VARCHAR") {
    JsonPlan value;
    for (const auto& child : natural.children) {
      auto plan = plan_as_set(child, type.children[1]);
      if (!plan) return std::nullopt;
      value = std::move(*plan);
    }
    out.as = JsonAs::map;
    out.children.push_back({JsonAs::structure, "", {"key", "value"}, {JsonPlan{}, std::move(value)}});
    return out;
  }
  if (type.kind != SetType::Kind::structure || natural.keys.size() != type.keys.size()) return std::nullopt;
  for (std::size_t i = 0; i < type.keys.size(); ++i) {
    const auto found = std::find(natural.keys.begin(), natural.keys.end(), type.keys[i]);
    if (found == natural.keys.end()) return std::nullopt;
    auto child = plan_as_set(natural.children[static_cast<std::size_t>(found - natural.keys.begin())],
                             type.children[i]);
    if (!child) return std::nullopt;
    out.children.push_back(std::move(*child));
  }
  return out;
}

class JsonReader : public TableReader {
 public:
  JsonReader(duck::Connection& connection, const Candidate& candidate, bool quick)
      : connection_(connection), candidate_(candidate), table_(std::make_shared<Table>()) {
    table_->files = candidate.files;
    table_->most_rows = quick ? kQuickRows : std::numeric_limits<std::int64_t>::max();
    table_->partitions = find_partitions(connection, candidate.files);
    learn();
    name_columns();
    check_overrides(candidate, columns_);
    for (std::size_t i = 0; i < columns_.size(); ++i) expressions_.push_back(expression(i));
    register_rows();
  }

  std::string select() override {
    std::string list;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      list += fmt::format("{}{} AS {}", i > 0 ? ", " : "", expressions_[i],
                          duck::quote_identifier(columns_[i].name));
    return fmt::format("SELECT {} FROM {}()", list, function_);
  }

  bool reconsider(const duck::QueryError& error) override {
    {
      const std::lock_guard lock(table_->mutex);
      if (table_->error) throw SourceError(*table_->error);
    }
    if (not_the_files_fault(error)) throw error;
    name_value(error.what());
    const auto& file = candidate_.files.front();
    throw SourceError("malformed", file.relative, std::nullopt,
                      fmt::format("{} cannot be read: {}", shown(file.relative),
                                  without_paths(candidate_, extracts::short_message(error.what()))));
  }

 private:
  [[noreturn]] static void no_table(const SourceFile& file, const std::string& why) {
    throw SourceError("not_a_table", file.relative, std::nullopt,
                      fmt::format("{} is not a table: it {}", shown(file.relative), why));
  }

  // What is no table from its first line on may lie there as it likes; in the middle of rows, or among the files of a table,
  // it is in the way of these.
  [[noreturn]] void no_row(const JsonRows& rows, bool is_first, const std::string& why) const {
    const auto& file = rows.file();
    if (is_first && file.format == Format::json && candidate_.files.size() == 1) no_table(file, why);
    rows.fail(rows.line(), why);
  }

  // Looks at every row: which keys there are, and what is in them.
  void learn() {
    std::int64_t left = table_->most_rows;
    for (const auto& file : candidate_.files) {
      if (left > 0) learn(file, left);
      refuse_hidden(table_->partitions, file, types_.keys());
    }
    const auto& [file, why] = document_;
    if (documents_ == candidate_.files.size()) no_table(*file, why);
    if (documents_ > 0)
      throw SourceError("malformed", file->relative, std::nullopt, shown(file->relative) + " " + why);
    if (types_.keys().empty())
      no_table(candidate_.files.front(),
               has_rows_ ? "holds objects without keys" : "holds no rows, so that its columns are not known");
  }

  void learn(const SourceFile& file, std::int64_t& left) {
    JsonRows rows(file);
    std::int64_t objects = 0;
    std::string nested;
    while (left > 0 && rows.next()) {
      check_row(rows, objects == 0);
      types_.add(rows);
      has_rows_ = true;
      if (types_.keys().size() > kMaxColumns)
        no_row(rows, objects == 0 && !rows.is_list(),
               fmt::format(
                   "has the key number {}, and a table has {} columns at most; with ids as keys, put the "
                   "id into a value",
                   types_.keys().size(), kMaxColumns));
      if (++objects == 1) nested = nested_keys(rows);
      --left;
    }
    if (objects == 0 && candidate_.files.size() > 1) return;  // its columns are those of the others
    if (objects == 0 && rows.is_empty())
      throw SourceError("malformed", file.relative, std::nullopt,
                        fmt::format("{} is empty", shown(file.relative)));
    if (objects == 1 && file.format == Format::json && !rows.is_list() && !nested.empty()) {
      ++documents_;
      document_ = {&file,
                   fmt::format("is one object with nested values ({}); a table is a list of objects, or one "
                               "object a line",
                               nested)};
    }
  }

  void check_row(const JsonRows& rows, bool is_first) const {
    const auto kind = rows.tokens()[0].kind;
    if (kind == JsonKind::object) return;
    const char* what = kind == JsonKind::list      ? "a list"
                       : kind == JsonKind::string  ? "a text"
                       : kind == JsonKind::null    ? "null"
                       : kind == JsonKind::boolean ? "a truth value"
                                                   : "a number";
    no_row(rows, is_first,
           fmt::format("holds {} where a table has objects with named values{}", what,
                       kind == JsonKind::list && rows.file().format == Format::json_lines
                           ? ": write one a line, or end the name in .json"
                           : ""));
  }

  static std::string nested_keys(const JsonRows& rows) {
    std::string out, space;
    const auto& tokens = rows.tokens();
    int count = 0;
    for (std::size_t at = 1; at < tokens[0].next && count < 5; at = tokens[at + 1].next) {
      const auto kind = tokens[at + 1].kind;
      if (kind != JsonKind::object && kind != JsonKind::list) continue;
      out += (out.empty() ? "" : ", ") + escape_control(std::string(rows.content(tokens[at], space)));
      ++count;
    }
    return out;
  }

  // A column is called like its key. DuckDB tells names apart that differ in more than case: of keys that do not, the
  // first in the order of their bytes has its name, the others get _1, _2 and so on, whichever came first.
  void name_columns() {
    const auto& keys = types_.keys();
    std::vector<std::string> names;
    for (const auto& key : keys)
      names.push_back(key.empty() ? "unnamed" : replaced(key, std::string(1, '\0'), "\\u0000"));
    std::vector<std::size_t> order(keys.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(names[a] != keys[a], names[a]) < std::pair(names[b] != keys[b], names[b]);
    });
    std::set<std::string> taken;
    for (const auto& column : table_->partitions.columns) taken.insert(to_lower(column.name));
    std::vector<std::size_t> others;
    for (const auto i : order)
      if (!taken.insert(to_lower(names[i])).second) others.push_back(i);
    for (const auto i : others) {
      std::string name;
      for (int n = 1; name.empty() || !taken.insert(to_lower(name)).second; ++n)
        name = fmt::format("{}_{}", names[i], n);
      names[i] = name;
    }
    table_->keys = keys;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      table_->plans.push_back(types_.plan(i));
      columns_.push_back({names[i], table_->plans[i].type});
    }
    for (const auto& column : table_->partitions.columns) columns_.push_back(column);
  }

  bool is_partition(std::size_t column) const { return column >= table_->keys.size(); }
  std::string raw_name(std::size_t column) const {
    return is_partition(column) ? fmt::format("p{}", column - table_->keys.size())
                                : fmt::format("c{}", column);
  }

  std::string expression(std::size_t i) {
    auto& column = columns_[i];
    const std::string name = raw_name(i);
    const auto set = set_type(connection_, candidate_, column.name);
    if (!set) return column.type == "VARCHAR" ? name : fmt::format("CAST({} AS {})", name, column.type);
    const std::string natural = column.type;
    column.type = *set;
    std::string value = name, fits;
    if (column.type == "JSON") {
      if (!is_partition(i)) table_->plans[i] = {JsonAs::json, "JSON", {}, {}};
      return fmt::format("CAST({} AS JSON)", name);
    }
    const auto parsed = parse_type(column.type);
    if (parsed.kind != SetType::Kind::plain) {
      if (auto plan = is_partition(i) ? std::nullopt : plan_as_set(table_->plans[i], parsed)) {
        table_->plans[i] = std::move(*plan);
        fits = parts_fit_sql(name, parsed);
      } else {
        if (parsed.kind == SetType::Kind::map && natural.starts_with("STRUCT("))
          wrong_setting(
              candidate_, "types",
              fmt::format("has '{}' for the column '{}', whose values are {}, which cannot become that",
                          column.type, escape_control(column.name), natural));
        value = fmt::format("CAST({} AS {})", name, natural);
        fits = natural == "JSON" ? fmt::format("CAST(TRY_CAST({0} AS {1}) AS JSON) IS NOT DISTINCT FROM {0}",
                                               value, column.type)
                                 : keeps_value_sql(value, natural, column.type);
      }
    } else {
      if (!is_partition(i)) table_->plans[i] = {};
      if (column.type == "VARCHAR") return name;
      fits = fits_set_type_sql(name, column.type);
    }
    return fmt::format(
        "CASE WHEN {0} IS NULL THEN NULL WHEN {1} THEN CAST({2} AS {3}) ELSE error(concat({4}, file, '.', "
        "line, '.', CAST({0} AS VARCHAR))) END",
        name, fits, value, column.type, duck::quote_literal(fmt::format("{}{}.", kUnfit, i)));
  }

  void register_rows() {
    static std::atomic<std::uint64_t> count = 0;
    function_ = fmt::format("agnes_json_{}", ++count);
    duck::ProgramTable table;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      table.columns.emplace_back(raw_name(i),
                                 is_partition(i) ? duck::ProgramType{} : raw_type(table_->plans[i]));
    for (const char* name : {"file", "line"})
      table.columns.emplace_back(name, duck::ProgramType{DUCKDB_TYPE_BIGINT, {}, {}});
    table.read = [table = table_] { return std::make_unique<Rows>(table); };
    duck::register_table(connection_, function_, std::move(table));
  }

  // Says which value does not fit a type that is set, and where it stands: "...column 3.0.17.text".
  void name_value(const std::string& said) const {
    const auto at = said.find(kUnfit);
    if (at == std::string::npos) return;
    std::string_view text = std::string_view(said).substr(at + kUnfit.size());
    std::size_t numbers[3];
    for (auto& number : numbers) {
      const auto end = std::min(text.find('.'), text.size());
      const auto found = parse_int(text.substr(0, end));
      if (!found) return;
      number = static_cast<std::size_t>(*found);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    const auto& column = columns_.at(numbers[0]);
    const auto& file = candidate_.files.at(numbers[1]);
    const auto line = static_cast<std::int64_t>(numbers[2]);
    throw SourceError(
        "malformed", file.relative, line,
        fmt::format("{} line {} has '{}' in column '{}', which is not a {}", shown(file.relative), line,
                    escape_control(std::string(text).substr(0, 200)), escape_control(column.name),
                    column.type));
  }

  duck::Connection& connection_;
  const Candidate& candidate_;
  std::shared_ptr<Table> table_;
  JsonTypes types_;
  std::vector<extracts::Column> columns_;
  std::vector<std::string> expressions_;
  std::string function_;
  bool has_rows_ = false;
  std::size_t documents_ = 0;  // files that are one nested object each, and the last of them
  std::pair<const SourceFile*, std::string> document_{nullptr, ""};
};

}  // namespace

std::unique_ptr<TableReader> open_json(duck::Connection& connection, const Candidate& candidate, bool quick) {
  return std::make_unique<JsonReader>(connection, candidate, quick);
}

}  // namespace agnes::connectors::files
