#include "features/metrics/metrics.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/yaml/yaml.h"

// What a metric must be, and files of them. Nothing here needs the database.
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

// "tables: Must be a list; grain: ..." of the list that a 422 carries.
std::string message_of(const Error& error) {
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
    throw Error(ErrorKind::bad_request,
                fmt::format("{} ({}): {}", where, escape_control(id), message_of(error)));
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

MetricFile read_metric_file(const std::string& yaml, const std::string& name) {
  if (!is_utf8(yaml)) throw Error(ErrorKind::bad_request, fmt::format("{} is not UTF-8 text", name));
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
      throw Error(ErrorKind::bad_request, fmt::format("{} is not a mapping of keys to values", where));
    auto metric = read_entry(entry.as_object(), where, out.warnings);
    if (!ids.insert(metric.id).second)
      throw Error(ErrorKind::bad_request,
                  fmt::format("{}: {} is there twice", where, escape_control(metric.id)));
    out.metrics.push_back(std::move(metric));
  }
  return out;
}

}  // namespace agnes::metrics
