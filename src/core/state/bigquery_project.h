#pragma once

#include "app/config/settings.h"

namespace agnes::state {

// Which projects BigQuery's tables are of: what is registered names them, too.
struct BigQueryProject {
  static constexpr std::string_view kSection = "data_source.bigquery";
  std::string project, billing_project;
  static constexpr config::Rule kRules[] = {
      {.member = "project",
       .variable = "BIGQUERY_PROJECT",
       .needed_by = "bigquery",
       .help = "Project with the data"},
      {.member = "billing_project",
       .same_as = "data_source.bigquery.project",
       .help = "Project billed, where the account may read the project with the data but not bill it"},
  };
};
BOOST_DESCRIBE_STRUCT(BigQueryProject, (), (project, billing_project))

}  // namespace agnes::state
