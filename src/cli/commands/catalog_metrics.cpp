#include "cli/commands/catalog_metrics.h"

#include "cli/api.h"
#include "cli/commands/metrics_yaml.h"
#include "cli/facts.h"
#include "cli/output.h"
#include "cli/table.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
void print_member(std::string_view label, const std::string& text) {
  if (!text.empty()) print("{:<12} {}", std::string(label) + ":", escape_control(text));
}
void print_member(std::string_view label, const std::optional<std::string>& text) {
  print_member(label, text.value_or(""));
}
void print_member(std::string_view label, const std::optional<std::vector<std::string>>& list) {
  print_member(label, list ? join(*list, ", ") : "");
}

void print_sql(const std::string& label, const std::string& text) {
  const std::string sql(trim(text));
  if (sql.empty()) return;
  print("{}:", label);
  for (const auto& line : split(sql, '\n')) print("  {}", escape_control(line));
}
}  // namespace

std::vector<contract::Metric> list_metrics() {
  Api api;
  try {
    return fetch<contract::MetricList>(api, "/api/metrics", "list the metrics").metrics;
  } catch (const http_client::TransportError& error) {
    return recall(error).metrics.metrics;
  }
}

void show_metrics(const std::vector<contract::Metric>& metrics) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& metric : metrics)
    rows.push_back({metric.category, metric.id, metric.display_name, metric.unit.value_or("")});
  if (rows.empty()) return print("No metrics are defined.");
  std::sort(rows.begin(), rows.end());
  out(columns_text({"CATEGORY", "ID", "NAME", "UNIT"}, rows));
}

contract::Metric metric_of(const std::vector<contract::Metric>& metrics, const std::string& id) {
  // "revenue" may be what comes close to, or names, finance/revenue.
  Nearest near_id(id, 4), near_name(id, 4);
  for (const auto& metric : metrics) {
    if (iequals(metric.id, id)) return metric;
    near_id.offer(metric.id);
    near_name.offer(metric.name);
  }
  std::string best(near_id.best());
  for (const auto& metric : metrics)
    if (iequals(metric.name, id) || (best.empty() && metric.name == near_name.best())) best = metric.id;
  throw Failure(Cause::not_found, "there is no metric " + escape_control(id),
                best.empty() ? "agnes catalog --metrics lists them"
                             : fmt::format("did you mean {}?", escape_control(best)));
}

void show_metric(const contract::Metric& metric) {
  print_member("ID", metric.id);
  print_member("Name", metric.name);
  print_member("Shown as", metric.display_name);
  print_member("Category", metric.category);
  print_member("Type", metric.type);
  print_member("Unit", metric.unit);
  print_member("Grain", metric.grain);
  print_member("Table", metric.table_name);
  print_member("Tables", metric.tables);
  print_member("Time column", metric.time_column);
  print_member("Expression", metric.expression);
  print_member("Description", metric.description);
  print_member("Dimensions", metric.dimensions);
  print_member("Filters", metric.filters);
  print_member("Synonyms", metric.synonyms);
  if (const auto notes = metric.notes.value_or(std::vector<std::string>{}); !notes.empty()) {
    print("Notes:");
    for (const auto& line : notes) print("  - {}", escape_control(line));
  }
  print_sql("SQL", metric.sql);
  for (const auto& [key, sql] : variants_of(metric)) print_sql("SQL " + escape_control(key), sql);
}

}  // namespace agnes::cli
