#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "contract/metrics.h"
#include "core/query/service.h"
#include "core/state/tx.h"
#include "lib/base/json.h"
#include "lib/base/time.h"
#include "lib/http/caller.h"

// Metrics: what a figure means and the SQL that answers it, under an id such as "revenue/mrr".
namespace agnes::metrics {

// As it is answered it is a row of metric_definitions, too.
using contract::Metric;

// A metric as people give it, from the interface or a file. Its SQL is not looked at here: see CheckSql.
struct NewMetric {
  std::string id, name, display_name, category, sql;
  std::optional<std::string> description;
  std::string type = "sum";
  std::optional<std::string> unit;
  std::string grain = "monthly";
  std::optional<std::string> table_name;
  std::optional<std::vector<std::string>> tables;
  std::optional<std::string> expression, time_column;
  std::optional<std::vector<std::string>> dimensions, filters, synonyms, notes;
  std::optional<boost::json::object> sql_variants;  // name -> SQL; "by_plan" is sql_by_plan in a file
  std::optional<boost::json::object> validation;
  std::string source = "manual";

  static std::string check_id(std::string_view id);
  static std::string check_name(std::string_view name);
  static constexpr json::Rule rules[] = {
      {.field = "id", .description = "category/name, by custom", .max_length = 250, .check = &check_id},
      {.field = "name", .check = &check_name},
      {.field = "display_name", .min_length = 1, .max_length = 200},
      {.field = "category", .check = &check_name},
      {.field = "sql", .description = "one SELECT, in DuckDB's dialect", .max_length = 100'000},
      {.field = "description", .max_length = 10'000},
      {.field = "type",
       .has_default = true,
       .one_of = {"sum", "count", "count_distinct", "avg", "average", "median", "percentile", "min", "max",
                  "ratio", "rate", "percentage", "derived", "custom"}},
      {.field = "unit", .max_length = 100},
      {.field = "grain",
       .has_default = true,
       .one_of = {"hourly", "daily", "weekly", "monthly", "quarterly", "yearly", "annual", "hour", "day",
                  "week", "month", "quarter", "year", "total"}},
      {.field = "table_name", .max_length = 200},
      {.field = "tables", .max_length = 100},
      {.field = "expression", .max_length = 10'000},
      {.field = "time_column", .max_length = 200},
      {.field = "dimensions", .max_length = 200},
      {.field = "filters", .max_length = 200},
      {.field = "synonyms", .max_length = 200},
      {.field = "notes", .max_length = 200},
      {.field = "source", .has_default = true, .min_length = 1, .max_length = 50},
  };
  void check(json::Check& check) const;

  // As it is stored; the times are the store's to set.
  Metric row() const;
};
BOOST_DESCRIBE_STRUCT(NewMetric, (),
                      (id, name, display_name, category, sql, description, type, unit, grain, table_name,
                       tables, expression, time_column, dimensions, filters, synonyms, notes, sql_variants,
                       validation, source))

// Untrusted SQL is not even parsed in this process: query::Service::check.
using CheckSql = std::function<query::SqlCheck(const http::Caller&, const std::string& sql)>;

// Each runs in the caller's transaction or read. Sorted by name.
std::vector<Metric> metrics(state::Tx& tx, const std::optional<std::string>& category = {});
std::optional<Metric> find_metric(state::Tx& tx, std::string_view id);
// Adds each or replaces the one of its id, whole: what is left out is lost. created_at of a replaced one
// stays. No id may be there twice.
void save_metrics(state::Tx& tx, std::vector<Metric> metrics);
bool remove_metric(state::Tx& tx, const std::string& id);
// The metrics that name the table, as profiles list them: [{"name", "file"}].
boost::json::array metrics_of(state::Tx& tx, const catalog::Table& table);
// How many there are, and their categories: {"count", "categories"}.
boost::json::object summary_of_metrics(state::Tx& tx);

// Definitions in a YAML file: one mapping or a list of them, each with a name and a category. `table` is
// table_name, `sql_by_plan` the variant by_plan.
struct MetricFile {
  std::vector<NewMetric> metrics;
  std::vector<std::string> warnings;  // keys that mean nothing
};
// Throws Error (bad_request) naming the entry and what is wrong with it.
MetricFile read_metric_file(const std::string& yaml, const std::string& name);

}  // namespace agnes::metrics
