#include "features/metrics/metrics.h"

#include <boost/json/parse.hpp>

#include "app/config/config.h"
#include "core/state/audit.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::metrics {

namespace {

using boost::json::object;
using boost::json::value;

std::string select(std::string_view rest) {
  return fmt::format("SELECT {} FROM metric_definitions {}", state::column_list<Metric>(), rest);
}

std::optional<std::string> json_or_null(const std::optional<object>& given) {
  if (!given) return std::nullopt;
  return state::json_text(*given);
}

}  // namespace

Metric NewMetric::row() const {
  Metric out;
  out.id = id;
  out.name = name;
  out.display_name = display_name;
  out.category = category;
  out.description = description;
  out.type = type;
  out.unit = unit;
  out.grain = grain;
  out.table_name = table_name;
  out.tables = tables;
  out.expression = expression;
  out.time_column = time_column;
  out.dimensions = dimensions;
  out.filters = filters;
  out.synonyms = synonyms;
  out.notes = notes;
  out.sql = sql;
  out.sql_variants = json_or_null(sql_variants);
  out.validation = json_or_null(validation);
  out.source = source;
  return out;
}

std::vector<Metric> metrics(state::Tx& tx, const std::optional<std::string>& category) {
  if (category) return tx.rows<Metric>(select("WHERE category = ? ORDER BY name, id"), *category);
  return tx.rows<Metric>(select("ORDER BY name, id"));
}

std::optional<Metric> find_metric(state::Tx& tx, std::string_view id) {
  return tx.row<Metric>(select("WHERE id = ?"), id);
}

void save_metrics(state::Tx& tx, std::vector<Metric> metrics) {
  std::string updates;
  boost::mp11::mp_for_each<boost::describe::describe_members<Metric, boost::describe::mod_public>>(
      [&](auto member) {
        const std::string_view name = member.name;
        if (name == "id" || name == "created_at") return;
        updates += fmt::format("{}{} = excluded.{}", updates.empty() ? "" : ", ", name, name);
      });
  for (auto& metric : metrics) metric.created_at = metric.updated_at = now();
  tx.insert("metric_definitions", metrics, "ON CONFLICT (id) DO UPDATE SET " + updates);
}

bool remove_metric(state::Tx& tx, const std::string& id) {
  if (!find_metric(tx, id)) return false;
  tx.execute("DELETE FROM metric_definitions WHERE id = ?", id);
  return true;
}

boost::json::array metrics_of(state::Tx& tx, const catalog::Table& table) {
  boost::json::array out;
  for (const auto& metric : metrics(tx)) {
    const auto names = [&](const std::string& name) { return name == table.name || name == table.id; };
    if ((metric.table_name && names(*metric.table_name)) ||
        (metric.tables && std::any_of(metric.tables->begin(), metric.tables->end(), names)))
      out.push_back({{"name", metric.name}, {"file", metric.id + ".yml"}});
  }
  return out;
}

namespace {
struct InCategory {
  std::string category;
  std::int64_t metrics = 0;
};
BOOST_DESCRIBE_STRUCT(InCategory, (), (category, metrics))
}  // namespace

boost::json::object summary_of_metrics(state::Tx& tx) {
  std::int64_t count = 0;
  boost::json::array categories;
  for (const auto& one : tx.rows<InCategory>("SELECT category, count(*) AS metrics FROM metric_definitions "
                                             "GROUP BY category ORDER BY category")) {
    count += one.metrics;
    if (!one.category.empty()) categories.emplace_back(one.category);
  }
  return {{"count", count}, {"categories", std::move(categories)}};
}

}  // namespace agnes::metrics
