#pragma once

#include "app/config/settings.h"

namespace agnes::connectors::bigquery {

// Beside the projects: core/state/bigquery_project.h.
struct BigQuerySettings {
  static constexpr std::string_view kSection = "data_source.bigquery";
  std::string location;
  std::int64_t max_bytes_per_materialize = 10ll << 30, bq_max_scan_bytes = 5ll << 30;
  std::chrono::milliseconds query_timeout_ms{600'000};
  std::string server = "https://bigquery.googleapis.com";
  static constexpr config::Rule kRules[] = {
      {.member = "location", .help = "BigQuery location"},
      {.member = "max_bytes_per_materialize",
       .ge = 0,
       .help = "Largest scan of a materialised query in bytes; 0: no limit"},
      {.member = "bq_max_scan_bytes",
       .ge = 0,
       .help = "Largest scan of a query to a remote table in bytes; 0: no limit"},
      {.member = "query_timeout_ms", .ge = 0, .le = 31'536'000'000, .help = "Time limit of a query"},
      {.member = "server",
       .variable = "BIGQUERY_EMULATOR_HOST",
       .variable_only = true,
       .help = "BigQuery's address; another one for tests"},
  };
};
BOOST_DESCRIBE_STRUCT(BigQuerySettings, (),
                      (location, max_bytes_per_materialize, bq_max_scan_bytes, query_timeout_ms, server))

}  // namespace agnes::connectors::bigquery
