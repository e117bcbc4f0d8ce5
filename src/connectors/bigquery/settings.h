#pragma once

#include "app/config/settings.h"

namespace agnes::connectors::bigquery {

struct BigQuerySettings {
  static constexpr std::string_view kSection = "data_source.bigquery";
  std::string project, billing_project;
  std::string location;
  std::int64_t max_bytes_per_materialize = 10ll << 30, bq_max_scan_bytes = 5ll << 30;
  std::chrono::milliseconds query_timeout_ms{600'000};
  static constexpr const char* kGoogle = "https://bigquery.googleapis.com";
  std::string server = kGoogle;
  static constexpr config::Rule kRules[] = {
      {.member = "project",
       .variable = "BIGQUERY_PROJECT",
       .needed_by = "bigquery",
       .help = "Project with the data"},
      {.member = "billing_project",
       .same_as = "data_source.bigquery.project",
       .help = "Project billed, where the account may read the project with the data but not bill it"},
      {.member = "location", .help = "BigQuery location"},
      {.member = "max_bytes_per_materialize",
       .ge = 0,
       .shown = true,
       .help = "Largest scan of a materialised query in bytes; 0: no limit"},
      {.member = "bq_max_scan_bytes",
       .ge = 0,
       .shown = true,
       .help = "Largest scan of a query to a remote table in bytes; 0: no limit"},
      {.member = "query_timeout_ms", .ge = 0, .le = 31'536'000'000, .help = "Time limit of a query"},
      {.member = "server",
       .variable = "BIGQUERY_EMULATOR_HOST",
       .variable_only = true,
       .help = "BigQuery's address; another one for tests: an emulator needs no credentials"},
  };
};
BOOST_DESCRIBE_STRUCT(BigQuerySettings, (),
                      (project, billing_project, location, max_bytes_per_materialize, bq_max_scan_bytes,
                       query_timeout_ms, server))

}  // namespace agnes::connectors::bigquery
