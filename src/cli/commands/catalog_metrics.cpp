#include "cli/commands/catalog_metrics.h"

#include <boost/json/parse.hpp>

#include "cli/api.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/metrics.h"
#include "contract/read.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
void print_member(std::string_view label, const json::value& value) {
  std::string text;
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const auto& item : value.get_array()) parts.push_back(escape_control(plain(item)));
    text = join(parts, ", ");
  } else {
    text = escape_control(plain(value));
  }
  if (!text.empty()) print("{:<12} {}", std::string(label) + ":", text);
}

void print_sql(const std::string& label, const json::value& value) {
  const std::string sql(trim(plain(value)));
  if (sql.empty()) return;
  print("{}:", label);
  for (const auto& line : split(sql, '\n')) print("  {}", escape_control(line));
}
}  // namespace

void list_metrics(bool as_json) {
  Api api;
  const auto answer = fetch(api, "/api/metrics", "list the metrics");
  const auto* metrics = answer.is_object() ? answer.get_object().if_contains("metrics") : &answer;
  const json::array list = metrics != nullptr && metrics->is_array() ? metrics->get_array() : json::array();
  if (as_json) return print("{}", pretty(list));
  std::vector<std::vector<std::string>> rows;
  for (const auto& metric : contract::read<std::vector<contract::Metric>>(list))
    rows.push_back({metric.category, metric.id, metric.display_name, metric.unit.value_or("")});
  if (rows.empty()) return print("No metrics are defined.");
  std::sort(rows.begin(), rows.end());
  out(columns_text({"CATEGORY", "ID", "NAME", "UNIT"}, rows));
}

void show_metric(const std::string& id, bool as_json) {
  Api api;
  std::string path = "/api/metrics";
  // An id is a path ("revenue/mrr"): its slashes stay.
  for (const auto& part : split(id, '/')) path += "/" + http_client::percent_encode(part);
  const auto answer = fetch(api, path, "show the metric " + escape_control(id));
  if (as_json) return print("{}", pretty(answer));
  if (!answer.is_object()) return;
  const auto& metric = answer.get_object();
  for (const auto& [key, label] : {std::pair{"id", "ID"},
                                   {"name", "Name"},
                                   {"display_name", "Shown as"},
                                   {"category", "Category"},
                                   {"type", "Type"},
                                   {"unit", "Unit"},
                                   {"grain", "Grain"},
                                   {"table_name", "Table"},
                                   {"tables", "Tables"},
                                   {"time_column", "Time column"},
                                   {"expression", "Expression"},
                                   {"description", "Description"},
                                   {"dimensions", "Dimensions"},
                                   {"filters", "Filters"},
                                   {"synonyms", "Synonyms"}})
    if (const auto* value = metric.if_contains(key)) print_member(label, *value);
  if (const auto* notes = metric.if_contains("notes");
      notes != nullptr && notes->is_array() && !notes->get_array().empty()) {
    print("Notes:");
    for (const auto& line : notes->get_array()) print("  - {}", escape_control(plain(line)));
  }
  if (const auto* sql = metric.if_contains("sql")) print_sql("SQL", *sql);
  boost::system::error_code error;
  const auto variants = json::parse(plain(metric, "sql_variants"), error);
  if (!error && variants.is_object())
    for (const auto& [key, sql] : variants.get_object())
      print_sql("SQL " + escape_control(std::string_view(key)), sql);
}

}  // namespace agnes::cli
