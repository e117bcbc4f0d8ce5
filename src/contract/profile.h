#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// What is in a table's columns: /api/catalog/profile.
namespace agnes::contract {

struct NumericHistogram {
  std::vector<std::optional<double>> bins;  // their edges: one more than counts
  std::vector<std::int64_t> counts;
};
BOOST_DESCRIBE_STRUCT(NumericHistogram, (), (bins, counts))
struct NumericStats {
  boost::json::value min, max;  // a number, or a text where a number of JSON would lose digits; null
  std::optional<double> mean, median, stddev, p5, p25, p75, p95;
  std::int64_t zeros = 0;
  double zeros_pct = 0;
  std::int64_t negative = 0;
  double negative_pct = 0;
  NumericHistogram histogram;
};
BOOST_DESCRIBE_STRUCT(NumericStats, (),
                      (min, max, mean, median, stddev, p5, p25, p75, p95, zeros, zeros_pct, negative,
                       negative_pct, histogram))
struct TopValue {
  std::optional<std::string> value;
  std::int64_t count = 0;
  double pct = 0;
};
BOOST_DESCRIBE_STRUCT(TopValue, (), (value, count, pct))
struct TextStats {
  std::int64_t min_length = 0, max_length = 0;
  double avg_length = 0;
  std::vector<TopValue> top_values;
};
BOOST_DESCRIBE_STRUCT(TextStats, (), (min_length, max_length, avg_length, top_values))
struct DateRange {
  std::optional<std::string> earliest, latest;
  std::optional<double> span_days;
};
BOOST_DESCRIBE_STRUCT(DateRange, (), (earliest, latest, span_days))
struct DateHistogram {
  std::vector<std::string> bins;  // quarters, or spans of years
  std::vector<std::int64_t> counts;
};
BOOST_DESCRIBE_STRUCT(DateHistogram, (), (bins, counts))
struct DateStats : DateRange {
  DateHistogram histogram;
};
BOOST_DESCRIBE_STRUCT(DateStats, (DateRange), (histogram))
struct BooleanStats {
  std::int64_t true_count = 0, false_count = 0;
  double true_pct = 0;
};
BOOST_DESCRIBE_STRUCT(BooleanStats, (), (true_count, false_count, true_pct))

struct ProfiledColumn {
  std::string name, type, type_category;
  double completeness_pct = 0;
  std::int64_t null_count = 0, unique_count = 0;
  double unique_pct = 0;
  std::vector<std::optional<std::string>> sample_values;
  bool is_primary_key = false;
  std::vector<std::string> alerts;
  std::optional<NumericStats> numeric_stats;
  std::optional<TextStats> string_stats;
  std::optional<DateStats> date_stats;
  std::optional<BooleanStats> boolean_stats;
};
BOOST_DESCRIBE_STRUCT(ProfiledColumn, (),
                      (name, type, type_category, completeness_pct, null_count, unique_count, unique_pct,
                       sample_values, is_primary_key, alerts, numeric_stats, string_stats, date_stats,
                       boolean_stats))
struct ProfileAlert {
  std::string column, type, message;
};
BOOST_DESCRIBE_STRUCT(ProfileAlert, (), (column, type, message))

struct MetricUse {
  std::string name, file;
};
BOOST_DESCRIBE_STRUCT(MetricUse, (), (name, file))

// One that was made by an older version may lack some of it.
struct TableProfile {
  std::optional<std::string> table_id, description, primary_key, sync_strategy, last_sync, profiled_at;
  std::optional<std::vector<std::string>> related_tables;
  std::optional<std::vector<MetricUse>> used_by_metrics;
  std::optional<std::int64_t> row_count, column_count;
  std::optional<double> file_size_mb, avg_completeness;
  std::optional<std::int64_t> missing_cells;
  std::optional<double> missing_cells_pct;
  std::optional<std::int64_t> duplicate_rows;
  std::optional<std::map<std::string, std::int64_t>> variable_types;  // columns by category
  std::optional<DateRange> date_range;
  std::optional<std::vector<ProfileAlert>> alerts;
  std::optional<bool> sampled;
  std::optional<std::vector<ProfiledColumn>> columns;
  std::optional<std::vector<std::map<std::string, std::optional<std::string>>>> sample_rows;
};
BOOST_DESCRIBE_STRUCT(TableProfile, (),
                      (table_id, description, primary_key, sync_strategy, last_sync, profiled_at,
                       related_tables, used_by_metrics, row_count, column_count, file_size_mb,
                       avg_completeness, missing_cells, missing_cells_pct, duplicate_rows, variable_types,
                       date_range, alerts, sampled, columns, sample_rows))

}  // namespace agnes::contract
