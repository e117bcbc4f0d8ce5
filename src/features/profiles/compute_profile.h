#pragma once

#include <string>
#include <vector>

#include "app/config/settings.h"
#include "core/extracts/extract.h"
#include "lib/workers/task.h"

namespace agnes::profiles {

// Limits of a profile: the settings below `profiler`. Percentages are of 100.
struct ProfileLimits {
  // Rows; a bigger table's distributions come from about as many of its rows.
  std::int64_t sample_size = 500'000;
  std::int64_t max_categorical_distinct = 50;  // a text column with no more values shows its top ones
  std::int64_t top_values_limit = 10, histogram_bins = 15, sample_rows_limit = 5, sample_values_limit = 5;
  double alert_high_missing_pct = 30, alert_missing_pct = 5, alert_imbalance_pct = 60;
  std::int64_t alert_high_cardinality = 50;
  static constexpr std::string_view kSection = "profiler";
  static constexpr config::Rule kRules[] = {
      {.member = "sample_size",
       .ge = 1'000,
       .le = 10'000'000,
       .help = "Rows; a bigger table's distributions come from about as many of its rows"},
      {.member = "max_categorical_distinct",
       .ge = 1,
       .le = 10'000,
       .help = "A text column with no more different values shows its top ones"},
      {.member = "top_values_limit", .ge = 1, .le = 1'000, .help = "Top values that are shown"},
      {.member = "histogram_bins", .ge = 2, .le = 200, .help = "Bars of a histogram"},
      {.member = "sample_rows_limit", .ge = 0, .le = 100, .help = "Rows that are shown as examples"},
      {.member = "sample_values_limit", .ge = 0, .le = 100, .help = "Values of a column that are shown"},
      {.member = "alert_high_missing_pct",
       .ge = 0,
       .help = "Share of missing values, of 100, from which a column has an alert"},
      {.member = "alert_missing_pct",
       .ge = 0,
       .help = "Share of missing values, of 100, from which it has a note"},
      {.member = "alert_imbalance_pct",
       .ge = 0,
       .help = "Share of the commonest value, of 100, from which a column counts as unbalanced"},
      {.member = "alert_high_cardinality",
       .ge = 0,
       .help = "Different values from which a text column counts as high in cardinality"},
  };
  static constexpr json::Rule rules[] = {{.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(ProfileLimits, (),
                      (sample_size, max_categorical_distinct, top_values_limit, histogram_bins,
                       sample_rows_limit, sample_values_limit, alert_high_missing_pct, alert_missing_pct,
                       alert_imbalance_pct, alert_high_cardinality))

// One table, as for a sample.
struct ProfileRequest {
  std::vector<std::string> files;  // Parquet
  bool union_by_name = false;
  std::string attach_file;  // instead of files: the DuckDB database that holds `table`
  std::string table;
  std::vector<std::string> primary_key;  // columns; those that the table lacks are left out
  std::string temp_folder;               // for what does not fit into memory
  ProfileLimits limits;
  static constexpr json::Rule rules[] = {{.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(ProfileRequest, (),
                      (files, union_by_name, attach_file, table, primary_key, temp_folder, limits))

// What can be said of a table's data, in the contract's form: row_count, column_count, file_size_mb,
// avg_completeness, missing_cells, missing_cells_pct, duplicate_rows, variable_types, date_range, alerts,
// sampled, columns, sample_rows.
//
// Exact for all rows: counts of rows and nulls, least, greatest and mean values, deviations, zeros, lengths,
// duplicates of the primary key. Of a table with more than `limits.sample_size` rows ("sampled"), quantiles,
// histograms and top values come from a sample, scaled up, and numbers of different values are estimates. The
// same rows in the same files give the same profile. Infinities, nan and what is beyond 1e150 are left out of
// figures. Texts are cut at 200 characters.
//
// Holds about the sample in memory, 600 MB at most, and spills the rest to `temp_folder`.
boost::json::object read_profile(const ProfileRequest& request);

// The task "table.profile" of `extract` workers: a ProfileRequest in, the profile out.
std::string profile_task(const boost::json::value& input, const workers::TaskContext& context);

}  // namespace agnes::profiles
