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

constexpr std::string_view kVariantPrefix = "sql_";
constexpr std::size_t kMaxProblems = 5;

// Keys of a file's entry that are members of NewMetric under the same name.
constexpr std::string_view kKeys[] = {
    "name",       "display_name", "category",   "description", "type",     "unit",  "grain", "tables",
    "expression", "time_column",  "dimensions", "filters",     "synonyms", "notes", "sql",   "validation"};

std::string select(std::string_view rest) {
  return fmt::format("SELECT {} FROM metric_definitions {}", state::column_list<Metric>(), rest);
}

std::optional<std::string> json_or_null(const std::optional<object>& given) {
  if (!given) return std::nullopt;
  return state::json_text(*given);
}

// "tables: Must be a list; grain: ..." of the list that a 422 carries.
std::string told(const Error& error) {
  const auto* problems = error.detail().if_array();
  if (problems == nullptr) return error.what();
  std::string out;
  for (std::size_t i = 0; i < problems->size() && i < kMaxProblems; ++i) {
    std::string where;
    for (const auto& step : problems->at(i).at("loc").as_array())
      where += (where.empty() ? "" : ".") +
               (step.is_string() ? std::string(step.as_string()) : boost::json::serialize(step));
    out += fmt::format("{}{}: {}", i == 0 ? "" : "; ", where,
                       std::string_view(problems->at(i).at("msg").as_string()));
  }
  if (problems->size() > kMaxProblems) out += fmt::format("; and {} more", problems->size() - kMaxProblems);
  return escape_control(out);
}

NewMetric read_entry(const object& entry, const std::string& where, std::vector<std::string>& warnings) {
  const auto text = [&](std::string_view key) {
    const auto* found = entry.if_contains(key);
    const auto* string = found != nullptr ? found->if_string() : nullptr;
    if (string == nullptr || trim(*string).empty())
      throw Error(ErrorKind::bad_request,
                  fmt::format("{} needs a {} that is a text; put quotes around a number", where, key));
    return std::string(*string);
  };
  const std::string name = text("name"), category = text("category");
  const std::string id = category + "/" + name;
  object metric{{"id", id}, {"display_name", name}, {"sql", ""}, {"source", "yaml_import"}};
  object variants;
  for (const auto& [key, given] : entry) {
    if (std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys))
      metric[key] = given;
    else if (key == "table" || key == "table_name") {
      if (!given.is_null() && (key == "table" || !entry.contains("table") || entry.at("table").is_null()))
        metric["table_name"] = given;
    } else if (key.starts_with(kVariantPrefix) && key != "sql_variants") {
      variants[key.substr(kVariantPrefix.size())] = given;
    } else {
      warnings.push_back(fmt::format("{}: {} means nothing here and is left out", escape_control(id),
                                     escape_control(std::string_view(key))));
    }
  }
  if (!variants.empty()) metric["sql_variants"] = std::move(variants);
  try {
    return json::from_json<NewMetric>(metric, {});
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_request, fmt::format("{} ({}): {}", where, escape_control(id), told(error)));
  }
}

}  // namespace

// Ids are paths in addresses, names and categories files and folders of an export.
std::string NewMetric::check_name(std::string_view name) {
  if (name.empty()) return "Must not be empty";
  if (name.size() > 100) return "Must have at most 100 bytes";
  if (trim(name) != name) return "Must not begin or end with a space";
  if (name.front() == '.') return "Must not begin with a dot";
  if (name.find_first_of("/\\") != name.npos) return "Must have no slash";
  if (escape_control(name) != name) return "Must have no control characters";
  return "";
}

std::string NewMetric::check_id(std::string_view id) {
  for (const auto& part : split(id, '/'))
    if (auto problem = check_name(part); !problem.empty())
      return id.empty() ? problem : fmt::format("Between its slashes: {}", problem);
  return "";
}

void NewMetric::check(json::Check& check) const {
  const auto lists = {std::pair{&tables, "tables"},
                      {&dimensions, "dimensions"},
                      {&filters, "filters"},
                      {&synonyms, "synonyms"},
                      {&notes, "notes"}};
  for (const auto& [list, key] : lists)
    if (*list &&
        std::any_of((*list)->begin(), (*list)->end(), [](const auto& item) { return trim(item).empty(); }))
      check.field(key, "Must have no empty entries");
  if (!sql_variants) return;
  for (const auto& [key, given] : *sql_variants) {
    if (!is_identifier(key))
      check.field("sql_variants", fmt::format("The name {} must be letters, digits and '_'",
                                              escape_control(std::string_view(key))));
    else if (!given.is_string() || trim(given.as_string()).empty())
      check.field("sql_variants", fmt::format("{} must be the text of a query", std::string_view(key)));
  }
}

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

MetricFile read_metric_file(const std::string& yaml, const std::string& name) {
  if (!is_utf8(yaml)) throw Error(ErrorKind::bad_request, fmt::format("{} is no UTF-8 text", name));
  value tree;
  try {
    tree = yaml::parse(yaml, name);
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_request, error.what());
  }
  if (tree.is_object()) tree = boost::json::array{std::move(tree)};
  if (!tree.is_array() || tree.as_array().empty())
    throw Error(ErrorKind::bad_request,
                fmt::format("{} holds no metrics: one mapping or a list of them is expected", name));
  MetricFile out;
  std::set<std::string> ids;
  std::size_t number = 0;
  for (const auto& entry : tree.as_array()) {
    const std::string where = fmt::format("{}, metric {}", name, ++number);
    if (!entry.is_object())
      throw Error(ErrorKind::bad_request, fmt::format("{} is no mapping of keys to values", where));
    auto metric = read_entry(entry.as_object(), where, out.warnings);
    if (!ids.insert(metric.id).second)
      throw Error(ErrorKind::bad_request,
                  fmt::format("{}: {} is there twice", where, escape_control(metric.id)));
    out.metrics.push_back(std::move(metric));
  }
  return out;
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

}  // namespace agnes::metrics
