#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// What a figure means and the SQL that answers it: /api/metrics.
namespace agnes::contract {

// `sql_variants` and `validation` hold JSON text, as existing databases do.
struct Metric {
  std::string id, name, display_name, category;
  std::optional<std::string> description, type, unit, grain, table_name;
  std::optional<std::vector<std::string>> tables;
  std::optional<std::string> expression, time_column;
  std::optional<std::vector<std::string>> dimensions, filters, synonyms, notes;
  std::string sql;
  std::optional<std::string> sql_variants, validation, source;
  std::optional<Timestamp> created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(Metric, (),
                      (id, name, display_name, category, description, type, unit, grain, table_name, tables,
                       expression, time_column, dimensions, filters, synonyms, notes, sql, sql_variants,
                       validation, source, created_at, updated_at))
struct MetricList {
  std::vector<Metric> metrics;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(MetricList, (), (metrics, count))
struct MetricsImported {
  std::string status;
  std::int64_t count = 0;
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(MetricsImported, (), (status, count, warnings))

}  // namespace agnes::contract
