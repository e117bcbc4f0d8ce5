#include "connectors/files/csv_types.h"

#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

// Digits that a DOUBLE keeps of every number.
constexpr int kDoubleDigits = 15;
constexpr std::int64_t kSmallDecimal = 18, kLargeDecimal = 38;

#define AGNES_DAY "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#define AGNES_TIME "([01][0-9]|2[0-3]):[0-5][0-9]"
#define AGNES_SECONDS ":[0-5][0-9](\\.[0-9]{1,6})?"
#define AGNES_OFFSET "(Z|[-+][0-9]{2}(:?[0-9]{2})?)"
constexpr const char* kTime = " *" AGNES_TIME AGNES_SECONDS " *";
constexpr const char* kTimestamp = " *" AGNES_DAY "([ T]" AGNES_TIME "(" AGNES_SECONDS ")?)? *";
constexpr const char* kInstant = " *" AGNES_DAY "[ T]" AGNES_TIME "(" AGNES_SECONDS ")?" AGNES_OFFSET " *";
#undef AGNES_DAY
#undef AGNES_TIME
#undef AGNES_SECONDS
#undef AGNES_OFFSET

constexpr const char* kWhole = " *-?(0|[1-9][0-9]*) *";
constexpr const char* kDecimal = " *-?(0|[1-9][0-9]*)\\.[0-9]+ *";
// As programs write floating-point numbers: no zero at the end but in ".0", one digit before the point of an
// exponent. So versions (1.9, 1.10) and codes (12E4) are none.
constexpr const char* kFloat =
    " *-?((0|[1-9][0-9]*)(\\.([0-9]*[1-9]|0)?)?|\\.[0-9]*[1-9]|[0-9](\\.[0-9]*)?[eE][-+]?[0-9]+) *";
constexpr const char* kAnyNumber = " *[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)? *";
constexpr const char* kAnyWhole = " *[-+]?[0-9]+(\\.0*)? *";

std::string matches(const std::string& name, const char* pattern) {
  return fmt::format("regexp_full_match({}, {})", name, duck::quote_literal(pattern));
}
std::string casts(const std::string& name, std::string_view type) {
  return fmt::format("TRY_CAST({} AS {}) IS NOT NULL", name, type);
}
// The value's text is the cell's text. Most cells have no spaces, and what is true first costs least.
std::string written_back(const std::string& name, std::string_view type) {
  return fmt::format(
      "(CAST(TRY_CAST({0} AS {1}) AS VARCHAR) = {0} OR CAST(TRY_CAST({0} AS {1}) AS VARCHAR) = trim({0}))",
      name, type);
}
// Few enough digits for any DOUBLE, within its range; or exactly the digits that the DOUBLE prints.
std::string exact_double(const std::string& name) {
  return fmt::format(
      "(length(ltrim(replace(replace(split_part(lower(trim({0})), 'e', 1), '.', ''), '-', ''), '0')) <= {1} "
      "AND "
      "(abs(TRY_CAST({0} AS DOUBLE)) BETWEEN 1e-300 AND 1e300 OR {2}) OR CAST(TRY_CAST({0} AS DOUBLE) AS "
      "VARCHAR) IN (trim({0}), trim({0}) || '.0'))",
      name, kDoubleDigits, matches(name, " *-?[0.]+([eE][-+]?[0-9]+)? *"));
}

const char* const kCounted[] = {
    "BOOLEAN", "BIGINT", "DOUBLE", "TIME", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"};

std::string scale(const std::string& name) {
  return fmt::format("length(split_part(trim({}), '.', 2))", name);
}

std::int64_t number(const duck::Value& value) {
  const auto* found = std::get_if<std::int64_t>(&value);
  return found != nullptr ? *found : 0;  // count_if of no rows is NULL
}

}  // namespace

std::string fits_sql(const std::string& name, std::string_view type) {
  if (type == "BOOLEAN") return fmt::format("lower(trim({})) IN ('true', 'false')", name);
  if (type == "BIGINT" || type.starts_with("DECIMAL(")) return written_back(name, type);
  if (type == "DOUBLE")
    return fmt::format(
        "(CAST(TRY_CAST({0} AS DOUBLE) AS VARCHAR) = {0} AND contains('0123456789', right({0}, 1)) OR {1} "
        "AND {2})",
        name, matches(name, kFloat), exact_double(name));
  if (type == "TIME") return matches(name, kTime) + " AND " + casts(name, type);
  // Ten characters and no year 0: neither `infinity` nor `epoch`.
  if (type == "DATE") return fmt::format("length(trim({})) = 10 AND {}", name, written_back(name, type));
  const std::string days = fmt::format("trim({}) >= '0001' AND {}", name, casts(name, type));
  if (type == "TIMESTAMP")
    return fmt::format(
        "(length({0}) = 19 AND CAST(TRY_CAST({0} AS TIMESTAMP) AS VARCHAR) = {0} OR {1} AND {2})", name,
        matches(name, kTimestamp), days);
  return matches(name, kInstant) + " AND " + days;
}

std::string fits_set_type_sql(const std::string& name, std::string_view type) {
  if (type == "VARCHAR") return "true";
  if (type.ends_with("INT") || type.ends_with("INTEGER"))
    return matches(name, kAnyWhole) + " AND " + casts(name, type);
  if (type.starts_with("DECIMAL(")) {
    const auto comma = type.find(',');
    const auto places = parse_int(type.substr(comma + 1, type.size() - comma - 2)).value_or(0);
    return fmt::format("{} AND length(rtrim({}, '0')) <= {} AND NOT contains(lower({}), 'e') AND {}",
                       matches(name, kAnyNumber), fmt::format("split_part(trim({}), '.', 2)", name), places,
                       name, casts(name, type));
  }
  if (type == "DOUBLE")
    return fmt::format("({} AND {} OR lower(trim({})) IN ('nan', 'inf', '-inf'))", matches(name, kAnyNumber),
                       exact_double(name), name);
  if (type == "DATE" || type == "TIMESTAMP") return fits_sql(name, type);
  if (type == "TIMESTAMP WITH TIME ZONE")
    return fmt::format("({} OR {})", fits_sql(name, type), fits_sql(name, "TIMESTAMP"));
  return casts(name, type);
}

std::size_t facts_count() {
  return std::size(kCounted) + 6;
}

std::string facts_sql(const std::string& name) {
  std::string out = fmt::format(", count_if({0} <> ''), count_if({1})", name, matches(name, kWhole));
  for (const char* type : kCounted)
    out += fmt::format(", count_if({0} <> '' AND {1})", name, fits_sql(name, type));
  const std::string zero = matches(name, " *-[0.]+ *");
  out += fmt::format(", count_if({0} AND NOT {1})", matches(name, kDecimal), zero);
  out += fmt::format(", min({0}) FILTER (WHERE {1} <> ''), max({0}) FILTER (WHERE {1} <> '')", scale(name),
                     name);
  out += fmt::format(", max(length(ltrim(replace(trim({0}), '.', ''), '-'))) FILTER (WHERE {0} <> '')", name);
  return out;
}

std::string decide_type(const std::vector<duck::Value>& row, std::size_t at) {
  const auto next = [&] { return number(row.at(at++)); };
  const auto filled = next(), whole = next();
  if (filled == 0) return "VARCHAR";
  std::string type;
  for (const char* counted : kCounted)
    if (const auto fits = next(); fits == filled && type.empty()) type = counted;
  const auto decimals = next(), least = next(), most = next(), digits = next();
  if (decimals == filled && least == most && digits <= kLargeDecimal)
    return fmt::format("DECIMAL({},{})", digits <= kSmallDecimal ? kSmallDecimal : kLargeDecimal, most);
  // Whole numbers beyond BIGINT are keys and codes.
  if (type == "DOUBLE" && whole == filled) return "VARCHAR";
  return type.empty() ? "VARCHAR" : type;
}

}  // namespace agnes::connectors::files
