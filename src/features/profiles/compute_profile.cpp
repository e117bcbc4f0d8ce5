#include "features/profiles/compute_profile.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "lib/base/text.h"
#include "lib/duck/attach.h"
#include "lib/duck/rows.h"

namespace agnes::profiles {

namespace {

using boost::json::array;
using boost::json::object;
using Row = std::vector<duck::Value>;

constexpr std::uint64_t kMemory = 600u << 20;
constexpr std::int64_t kSampleCells = 20'000'000;  // a wide table's sample has fewer rows
constexpr std::size_t kColumnsAtOnce = 100;        // of one statement
constexpr int kTextLimit = 200;
constexpr double kAlertZerosPct = 50;
constexpr std::int64_t kMaxQuarters = 200;

enum class Category { numeric, text, date, timestamp, boolean };

const char* name_of(Category category) {
  switch (category) {
    case Category::numeric:
      return "NUMERIC";
    case Category::date:
      return "DATE";
    case Category::timestamp:
      return "TIMESTAMP";
    case Category::boolean:
      return "BOOLEAN";
    case Category::text:
      break;
  }
  return "STRING";
}

bool is_one_of(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}
// Fits into 64 bits with a sign.
bool is_whole(std::string_view type) {
  return is_one_of(type, {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"});
}
bool is_float(std::string_view type) {
  return is_one_of(type, {"FLOAT", "DOUBLE"});
}

Category category_of(std::string_view type) {
  if (type.ends_with("]")) return Category::text;
  if (type == "BOOLEAN") return Category::boolean;
  if (type == "DATE") return Category::date;
  if (type.starts_with("TIMESTAMP")) return Category::timestamp;
  const bool numeric = is_whole(type) || is_float(type) ||
                       is_one_of(type, {"UBIGINT", "HUGEINT", "UHUGEINT"}) || type.starts_with("DECIMAL(");
  return numeric ? Category::numeric : Category::text;
}

// What is known of one column while the profile is made.
struct Facts {
  std::string name, type;
  Category category = Category::text;
  std::string id;  // its name in the statements here: c0, c1, ...
  std::int64_t non_null = 0, distinct = 0;
  std::int64_t sampled = 0;  // of the sample: values that are not null,
  bool unique = false;       // whether none came twice,
  bool estimated = false;    // whether their distinct ones do not tell the whole table's
  Row figures;               // of the category, see figures_sql
  object column;             // what is told
  std::vector<std::string> alerts;
};

std::int64_t integer(const duck::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  return 0;
}
std::optional<double> real(const duck::Value& value) {
  if (const auto* number = std::get_if<double>(&value); number != nullptr && std::isfinite(*number))
    return *number;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return std::strtod(text->c_str(), nullptr);
  return std::nullopt;
}
boost::json::value text_or_null(const duck::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return boost::json::value(*text);
  return nullptr;
}
double round2(double number) {
  return std::abs(number) < 1e15 ? std::round(number * 100) / 100 : number;
}
boost::json::value number_or_null(const duck::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto number = real(value)) return round2(*number);
  return nullptr;
}
template <class T>
std::optional<T> whole(std::string_view text) {
  T out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}
// With every digit: numbers of which readers of JSON would lose some are texts.
boost::json::value exact_or_null(const duck::Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
    const auto number = real(value);
    return number ? boost::json::value(*number) : nullptr;
  }
  if (const auto number = whole<std::int64_t>(*text)) return *number;
  if (const auto number = whole<std::uint64_t>(*text)) return *number;
  const auto first = std::min(text->find_first_of("123456789"), text->size());
  const auto digits = std::count_if(text->begin() + static_cast<std::ptrdiff_t>(first), text->end(),
                                    [](char c) { return c != '.'; });
  if (digits <= std::numeric_limits<double>::digits10) return *real(value);
  return boost::json::value(*text);
}
double percent(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? round2(100.0 * static_cast<double>(part) / static_cast<double>(whole)) : 0.0;
}

// 1500000 -> "1.5M"; decimals as far as `step`, the distance to the next label, needs them.
std::string short_number(double number, double step) {
  const double size = std::max(std::abs(number), std::abs(step));
  for (const auto& [unit, letter] : {std::pair{1e9, "B"}, std::pair{1e6, "M"}, std::pair{1e3, "K"}})
    if (size >= unit && step >= unit / 100)
      return fmt::format("{:.{}f}{}", number / unit, step < unit / 10 ? 2 : 1, letter);
  const int decimals = step >= 1 ? (number == std::floor(number) ? 0 : 1)
                                 : std::clamp(1 - static_cast<int>(std::floor(std::log10(step))), 2, 15);
  return fmt::format("{:.{}f}", number, decimals);
}

// The column's value for figures: numbers as they are, without those that sums cannot hold; dates that have a
// day.
std::string plain(const Facts& facts) {
  if (facts.category == Category::timestamp)
    return fmt::format(
        "CASE WHEN isfinite(CAST({0} AS TIMESTAMP)) THEN CAST(CAST({0} AS TIMESTAMP) AS DATE) END", facts.id);
  if (facts.category == Category::date) return fmt::format("CASE WHEN isfinite({0}) THEN {0} END", facts.id);
  if (is_float(facts.type))
    return fmt::format("CASE WHEN abs(CAST({0} AS DOUBLE)) < 1e150 THEN {0} END", facts.id);
  return facts.id;
}

std::string figures_sql(const Facts& facts) {
  const std::string value = plain(facts);
  switch (facts.category) {
    case Category::numeric:
      return fmt::format(
          "CAST(min({0}) AS {1}), CAST(max({0}) AS {1}), avg(CAST({0} AS DOUBLE)), stddev_samp(CAST({0} AS "
          "DOUBLE)), "
          "CAST(count_if({0} = 0) AS BIGINT), CAST(count_if({0} < 0) AS BIGINT)",
          value,
          is_whole(facts.type)   ? "BIGINT"
          : is_float(facts.type) ? "DOUBLE"
                                 : "VARCHAR");
    case Category::text: {
      const std::string length =
          facts.type == "VARCHAR" ? "length(" + facts.id + ")" : "length(CAST(" + facts.id + " AS VARCHAR))";
      return fmt::format("min({0}), max({0}), avg({0})", length);
    }
    case Category::boolean:
      return fmt::format("CAST(count_if({0}) AS BIGINT), CAST(count_if(NOT {0}) AS BIGINT)", facts.id);
    case Category::date:
    case Category::timestamp:
      break;
  }
  return fmt::format(
      "CAST(min({0}) AS VARCHAR), CAST(max({0}) AS VARCHAR), date_diff('day', min({0}), max({0}))", value);
}
std::size_t figure_count(Category category) {
  if (category == Category::numeric) return 6;
  return category == Category::boolean ? 2 : 3;
}

class Profiler {
 public:
  explicit Profiler(const ProfileRequest& request)
      : request_(request),
        limits_(request.limits),
        engine_(extracts::open_engine({request.temp_folder, kMemory, 2})),
        connection_(engine_.connect()) {}

  object run() {
    open();
    take_sample();
    for (auto& facts : columns_) count_distinct(facts);
    for (std::size_t first = 0; first < columns_.size(); first += kColumnsAtOnce)
      read_figures(first, std::min(columns_.size(), first + kColumnsAtOnce));
    for (auto& facts : columns_) describe(facts);
    return whole();
  }

 private:
  void open() {
    if (request_.attach_file.empty()) {
      table_ = extracts::read_parquet_sql(request_.files, request_.union_by_name);
    } else {
      duck::attach_read_only(connection_, request_.attach_file, "extract");
      duck::check_plain_table(connection_, "extract", request_.table);
      table_ = "extract." + duck::quote_identifier(request_.table);
    }
    std::string list;
    for (const auto& row : connection_.execute("DESCRIBE SELECT * FROM " + table_).rows()) {
      Facts facts;
      facts.name = std::get<std::string>(row.at(0));
      facts.type = std::get<std::string>(row.at(1));
      facts.category = category_of(facts.type);
      facts.id = fmt::format("c{}", columns_.size());
      list +=
          fmt::format("{}{} AS {}", list.empty() ? "" : ", ", duck::quote_identifier(facts.name), facts.id);
      columns_.push_back(std::move(facts));
    }
    select_ = "SELECT " + list + " FROM " + table_;
    rows_ = duck::scalar<std::int64_t>(connection_, "SELECT count(*) FROM " + table_).value_or(0);
  }

  // The rows that distributions come from: all of them, or some that are the same each time.
  void take_sample() {
    const auto width = static_cast<std::int64_t>(std::max<std::size_t>(1, columns_.size()));
    const std::int64_t size =
        std::min(limits_.sample_size, std::max<std::int64_t>(10'000, kSampleCells / width));
    sampled_ = rows_ > size;
    std::string choice;
    if (sampled_ && request_.attach_file.empty())
      choice = fmt::format(" WHERE hash(file_row_number) % 1000000 < {}",
                           std::max<std::int64_t>(1, size * 1'000'000 / rows_));
    else if (sampled_)
      choice = fmt::format(" USING SAMPLE reservoir({} ROWS) REPEATABLE (1)", size);
    connection_.execute("CREATE TEMP TABLE sample AS " + select_ + choice);
  }

  void count_distinct(Facts& facts) {
    const auto row = connection_
                         .execute(fmt::format(
                             "SELECT CAST(sum(n) AS BIGINT), count(*), CAST(count_if(n = 1) AS BIGINT) FROM "
                             "(SELECT count(*) AS n FROM sample WHERE {0} IS NOT NULL GROUP BY {0})",
                             facts.id))
                         .rows()
                         .at(0);
    facts.sampled = integer(row.at(0));
    facts.distinct = integer(row.at(1));
    const std::int64_t once = integer(row.at(2));
    // Values that turned up once tell of others that did not turn up. When none came twice, hardly any can
    // repeat.
    facts.estimated = sampled_ && once * 100 > facts.distinct;
    facts.unique = sampled_ && facts.sampled > 1 && once == facts.sampled;
  }

  void read_figures(std::size_t first, std::size_t last) {
    std::string list;
    for (std::size_t i = first; i < last; ++i) {
      const auto& facts = columns_[i];
      const bool estimate = facts.estimated && !facts.unique;
      list += fmt::format("{}count({}), {}, {}", list.empty() ? "" : ", ", facts.id,
                          estimate ? "approx_count_distinct(" + facts.id + ")" : "0", figures_sql(facts));
    }
    if (list.empty()) return;
    const auto row =
        connection_.execute("SELECT " + list + " FROM " + (sampled_ ? "(" + select_ + ")" : "sample"))
            .rows()
            .at(0);
    std::size_t at = 0;
    for (std::size_t i = first; i < last; ++i) {
      auto& facts = columns_[i];
      facts.non_null = integer(row.at(at++));
      const std::int64_t estimate = integer(row.at(at++));
      if (facts.unique)
        facts.distinct = facts.non_null;
      else if (facts.estimated)
        facts.distinct = std::clamp(estimate, std::min(facts.distinct, facts.non_null), facts.non_null);
      facts.figures.assign(row.begin() + static_cast<std::ptrdiff_t>(at),
                           row.begin() + static_cast<std::ptrdiff_t>(at + figure_count(facts.category)));
      at += figure_count(facts.category);
    }
  }

  // A count of the sample as one of the table.
  std::int64_t scaled(const Facts& facts, std::int64_t count) const {
    if (!sampled_ || facts.sampled == 0) return count;
    return std::llround(static_cast<double>(count) * static_cast<double>(facts.non_null) /
                        static_cast<double>(facts.sampled));
  }

  // The first different values, in the order of the rows.
  array first_values(const Facts& facts) {
    const std::int64_t wanted = std::min(limits_.sample_values_limit, facts.distinct);
    array out;
    if (wanted == 0) return out;
    for (const char* part : {"LIMIT 2048", ""}) {
      out.clear();
      const auto found =
          connection_
              .execute(fmt::format(
                  "SELECT left(CAST({0} AS VARCHAR), {1}) FROM (SELECT {0}, min(place) AS first FROM "
                  "(SELECT {0}, rowid AS place FROM sample WHERE {0} IS NOT NULL {2}) GROUP BY {0} ORDER BY "
                  "first LIMIT {3})",
                  facts.id, kTextLimit, part, wanted))
              .rows();
      for (const auto& row : found) out.push_back(text_or_null(row.at(0)));
      if (static_cast<std::int64_t>(out.size()) == wanted) break;
    }
    return out;
  }

  static object histogram_of(array bins, array counts) {
    return {{"bins", std::move(bins)}, {"counts", std::move(counts)}};
  }

  object numeric_histogram(const Facts& facts) {
    const auto least = real(facts.figures.at(0)), greatest = real(facts.figures.at(1));
    if (!least || !greatest || *least == *greatest) return histogram_of({}, {});
    const double span = *greatest - *least;
    const bool each = is_whole(facts.type) && span < static_cast<double>(limits_.histogram_bins);
    const auto bins = each ? static_cast<std::int64_t>(span) + 1 : limits_.histogram_bins;
    const double step = each ? 1 : span / static_cast<double>(bins);
    std::vector<std::int64_t> counts(static_cast<std::size_t>(bins));
    auto found = connection_.execute_bound(fmt::format("SELECT CAST(greatest(0, least({}, floor((CAST({} AS "
                                                       "DOUBLE) - ?) / ?))) AS BIGINT) AS bin, count(*) "
                                                       "FROM sample WHERE ({}) IS NOT NULL GROUP BY bin",
                                                       bins - 1, plain(facts), plain(facts)),
                                           {*least, step});
    for (const auto& row : found.rows())
      counts.at(static_cast<std::size_t>(integer(row.at(0)))) += integer(row.at(1));
    array labels, scaled_counts;
    for (std::int64_t i = 0; i < bins; ++i) {
      const double from = *least + static_cast<double>(i) * step;
      labels.push_back(
          boost::json::value(each ? fmt::format("{:.0f}", from)
                                  : short_number(from, step) + "-" + short_number(from + step, step)));
      scaled_counts.push_back(scaled(facts, counts[static_cast<std::size_t>(i)]));
    }
    return histogram_of(std::move(labels), std::move(scaled_counts));
  }

  void describe_numeric(Facts& facts) {
    const std::string value = "CAST(" + plain(facts) + " AS DOUBLE)";
    const auto quantiles = connection_
                               .execute("SELECT q[1], q[2], q[3], q[4], q[5] FROM (SELECT quantile_cont(" +
                                        value + ", [0.05, 0.25, 0.5, 0.75, 0.95]) AS q FROM sample)")
                               .rows()
                               .at(0);
    const std::int64_t zeros = integer(facts.figures.at(4)), negative = integer(facts.figures.at(5));
    const double zeros_pct = percent(zeros, facts.non_null);
    if (zeros_pct > kAlertZerosPct)
      alert(facts, "zeros", fmt::format("{} is zero in {}% of the rows", facts.name, zeros_pct));
    facts.column["numeric_stats"] = {{"min", exact_or_null(facts.figures.at(0))},
                                     {"max", exact_or_null(facts.figures.at(1))},
                                     {"mean", number_or_null(facts.figures.at(2))},
                                     {"median", number_or_null(quantiles.at(2))},
                                     {"stddev", number_or_null(facts.figures.at(3))},
                                     {"p5", number_or_null(quantiles.at(0))},
                                     {"p25", number_or_null(quantiles.at(1))},
                                     {"p75", number_or_null(quantiles.at(3))},
                                     {"p95", number_or_null(quantiles.at(4))},
                                     {"zeros", zeros},
                                     {"zeros_pct", zeros_pct},
                                     {"negative", negative},
                                     {"negative_pct", percent(negative, facts.non_null)},
                                     {"histogram", numeric_histogram(facts)}};
  }

  void describe_text(Facts& facts) {
    array top;
    if (facts.distinct <= limits_.max_categorical_distinct) {
      const auto found = connection_
                             .execute(fmt::format("SELECT left(CAST({0} AS VARCHAR), {1}), count(*) AS n "
                                                  "FROM sample WHERE {0} IS NOT NULL GROUP BY {0} "
                                                  "ORDER BY n DESC, {0} LIMIT {2}",
                                                  facts.id, kTextLimit, limits_.top_values_limit))
                             .rows();
      for (const auto& row : found) {
        const double share = percent(integer(row.at(1)), facts.sampled);
        if (top.empty() && share > limits_.alert_imbalance_pct)
          alert(facts, "imbalance", fmt::format("{} holds one value in {}% of the rows", facts.name, share));
        top.push_back({{"value", text_or_null(row.at(0))},
                       {"count", scaled(facts, integer(row.at(1)))},
                       {"pct", share}});
      }
    } else if (facts.distinct > limits_.alert_high_cardinality) {
      alert(facts, "high_cardinality",
            fmt::format("{} holds {} different values", facts.name, facts.distinct));
    }
    facts.column["string_stats"] = {{"min_length", integer(facts.figures.at(0))},
                                    {"max_length", integer(facts.figures.at(1))},
                                    {"avg_length", round2(real(facts.figures.at(2)).value_or(0))},
                                    {"top_values", std::move(top)}};
  }

  // Quarters; over a long time, spans of years.
  object date_histogram(const Facts& facts) {
    const std::int64_t quarters = integer(facts.figures.at(2)) / 91 + 1;
    const bool by_quarter = quarters <= kMaxQuarters;
    const std::int64_t years = by_quarter ? 1 : std::max<std::int64_t>(1, quarters / 4 * 4 / kMaxQuarters);
    array labels, counts;
    const auto found =
        connection_
            .execute(fmt::format("SELECT CAST(floor(year(d) / {0}) * {0} AS BIGINT) AS y, {1} AS q, count(*) "
                                 "FROM (SELECT {2} AS d FROM sample) "
                                 "WHERE d IS NOT NULL GROUP BY ALL ORDER BY ALL",
                                 years, by_quarter ? "CAST(quarter(d) AS BIGINT)" : "0", plain(facts)))
            .rows();
    for (const auto& row : found) {
      const std::int64_t year = integer(row.at(0));
      std::string label = std::to_string(year);
      if (by_quarter)
        label += fmt::format("-Q{}", integer(row.at(1)));
      else if (years > 1)
        label += fmt::format("-{}", year + years - 1);
      labels.push_back(boost::json::value(label));
      counts.push_back(scaled(facts, integer(row.at(2))));
    }
    return histogram_of(std::move(labels), std::move(counts));
  }

  void describe_date(Facts& facts) {
    object range = {{"earliest", text_or_null(facts.figures.at(0))},
                    {"latest", text_or_null(facts.figures.at(1))},
                    {"span_days", number_or_null(facts.figures.at(2))}};
    if (date_range_.is_null() && !range["earliest"].is_null()) date_range_ = range;
    range["histogram"] = date_histogram(facts);
    facts.column["date_stats"] = std::move(range);
  }

  void alert(Facts& facts, const char* type, std::string message) {
    facts.alerts.emplace_back(type);
    alerts_.push_back({{"column", facts.name}, {"type", type}, {"message", std::move(message)}});
  }

  void describe(Facts& facts) {
    const std::int64_t nulls = rows_ - facts.non_null;
    const double missing = percent(nulls, rows_), unique = percent(facts.distinct, facts.non_null);
    const bool key = std::find(request_.primary_key.begin(), request_.primary_key.end(), facts.name) !=
                     request_.primary_key.end();
    facts.column = {{"name", facts.name},
                    {"type", facts.type},
                    {"type_category", name_of(facts.category)},
                    {"completeness_pct", percent(facts.non_null, rows_)},
                    {"null_count", nulls},
                    {"unique_count", facts.distinct},
                    {"unique_pct", unique},
                    {"sample_values", first_values(facts)},
                    {"is_primary_key", key},
                    {"alerts", array()}};
    if (facts.distinct == 1 && nulls == 0) alert(facts, "constant", facts.name + " holds one value");
    if (facts.distinct == facts.non_null && nulls == 0 && facts.non_null > 0)
      alert(facts, "unique", facts.name + " holds no value twice");
    if (missing > limits_.alert_missing_pct)
      alert(facts, missing > limits_.alert_high_missing_pct ? "high_missing" : "missing",
            fmt::format("{} is empty in {}% of the rows", facts.name, missing));
    switch (facts.category) {
      case Category::numeric:
        describe_numeric(facts);
        break;
      case Category::text:
        describe_text(facts);
        break;
      case Category::boolean:
        facts.column["boolean_stats"] = {{"true_count", integer(facts.figures.at(0))},
                                         {"false_count", integer(facts.figures.at(1))},
                                         {"true_pct", percent(integer(facts.figures.at(0)), facts.non_null)}};
        break;
      case Category::date:
      case Category::timestamp:
        describe_date(facts);
        break;
    }
    auto& alerts = facts.column["alerts"].as_array();
    for (const auto& type : facts.alerts) alerts.push_back(boost::json::value(type));
  }

  std::int64_t duplicates() {
    std::string key;
    for (const auto& name : request_.primary_key)
      for (const auto& facts : columns_)
        if (facts.name == name) key += (key.empty() ? "" : ", ") + facts.id;
    if (key.empty()) return 0;
    return duck::scalar<std::int64_t>(
               connection_,
               "SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) FROM (SELECT count(*) AS n FROM " +
                   (sampled_ ? "(" + select_ + ")" : "sample") + " GROUP BY " + key + ")")
        .value_or(0);
  }

  array first_rows() {
    array out;
    std::string list;
    for (const auto& facts : columns_)
      list += fmt::format("{}left(CAST({} AS VARCHAR), {})", list.empty() ? "" : ", ", facts.id, kTextLimit);
    if (list.empty()) return out;
    for (const auto& row :
         connection_
             .execute(fmt::format("SELECT {} FROM ({} LIMIT {})", list, select_, limits_.sample_rows_limit))
             .rows()) {
      object item;
      for (std::size_t i = 0; i < columns_.size(); ++i) item[columns_[i].name] = text_or_null(row.at(i));
      out.push_back(std::move(item));
    }
    return out;
  }

  boost::json::value megabytes() const {
    std::uint64_t bytes = 0;
    for (const auto& file : request_.files)
      if (const auto stamp = extracts::stamp_of(file)) bytes += stamp->size;
    if (request_.files.empty()) return nullptr;
    return round2(static_cast<double>(bytes) / (1 << 20));
  }

  object whole() {
    object types;
    array columns;
    std::int64_t missing = 0;
    double completeness = 0;
    for (auto& facts : columns_) {
      auto& count = types[name_of(facts.category)];
      count = (count.is_null() ? 0 : count.as_int64()) + 1;
      missing += rows_ - facts.non_null;
      completeness += percent(facts.non_null, rows_);
      columns.push_back(std::move(facts.column));
    }
    const auto width = static_cast<std::int64_t>(columns_.size());
    return {{"row_count", rows_},
            {"column_count", width},
            {"file_size_mb", megabytes()},
            {"avg_completeness", width > 0 ? round2(completeness / static_cast<double>(width)) : 0.0},
            {"missing_cells", missing},
            {"missing_cells_pct", percent(missing, rows_ * width)},
            {"duplicate_rows", duplicates()},
            {"variable_types", std::move(types)},
            {"date_range", std::move(date_range_)},
            {"alerts", std::move(alerts_)},
            {"sampled", sampled_},
            {"columns", std::move(columns)},
            {"sample_rows", first_rows()}};
  }

  const ProfileRequest& request_;
  const ProfileLimits& limits_;
  duck::Database engine_;
  duck::Connection connection_;
  std::string table_, select_;
  std::vector<Facts> columns_;
  std::int64_t rows_ = 0;
  bool sampled_ = false;
  boost::json::value date_range_;
  array alerts_;
};

}  // namespace

object read_profile(const ProfileRequest& request) {
  return Profiler(request).run();
}

std::string profile_task(const boost::json::value& input, const workers::TaskContext&) {
  return json::to_text(read_profile(json::from_json<ProfileRequest>(input)));
}

}  // namespace agnes::profiles
