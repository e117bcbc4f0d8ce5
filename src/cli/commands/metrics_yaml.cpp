#include "cli/commands/metrics_yaml.h"

#include <boost/json/parse.hpp>

#include "cli/json_text.h"
#include "cli/outcome.h"
#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/yaml/yaml.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
bool is_yaml(const fs::path& file) {
  return file.extension() == ".yml" || file.extension() == ".yaml";
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    out.push_back(it->path());
  if (error)
    throw Failure(Cause::failed,
                  fmt::format("cannot read the folder {}: {}", folder.string(), error.message()));
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<fs::path> files_of(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    throw Failure(Cause::failed, fmt::format("there is no file or folder {}", escape_control(path.string())));
  if (!fs::is_directory(path, error)) return {path};
  std::vector<fs::path> deep, here;
  for (const auto& entry : entries(path)) {
    if (fs::is_directory(entry, error)) {
      for (const auto& file : entries(entry))
        if (is_yaml(file)) deep.push_back(file);
    } else if (is_yaml(entry)) {
      here.push_back(entry);
    }
  }
  if (deep.empty()) deep = std::move(here);
  if (deep.empty())
    throw Failure(Cause::failed,
                  fmt::format("there are no metrics in {}: files named <category>/<name>.yml are expected",
                              escape_control(path.string())));
  return deep;
}

// Text in the plainest form that reads back as the same text.
std::string scalar(const std::string& text) {
  static constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ./()-";
  static constexpr std::string_view kWords[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  const bool letter_first = !text.empty() && (std::isalpha(static_cast<unsigned char>(text.front())) != 0);
  if (!letter_first || text.back() == ' ' || text.find_first_not_of(kSafe) != text.npos)
    return json_string(text);
  for (const auto word : kWords)
    if (iequals(word, text)) return json_string(text);
  return text;
}

// A block where the text has lines and a block can hold it.
std::string block_or_scalar(const std::string& text, std::string_view indent) {
  std::string_view body = text;
  const bool ends = body.ends_with('\n');
  if (ends) body.remove_suffix(1);
  bool plain = body.find('\n') != body.npos && !body.starts_with(' ') && !body.starts_with('\n') &&
               !body.ends_with('\n');
  for (const auto& line : split(body, '\n'))
    if (line.ends_with(' ') || escape_control(line) != line) plain = false;
  if (!plain) return scalar(text);
  std::string out = ends ? "|" : "|-";
  for (const auto& line : split(body, '\n')) {
    out += '\n';
    if (!line.empty()) out += std::string(indent) + line;
  }
  return out;
}

std::string value_text(const json::value& value) {
  if (value.is_string()) return block_or_scalar(std::string(value.get_string()), "  ");
  if (!value.is_array()) return compact(value);  // JSON is YAML
  if (value.get_array().empty()) return "[]";
  std::string out;
  for (const auto& item : value.get_array())
    out += "\n  - " + (item.is_string() ? scalar(std::string(item.get_string())) : compact(item));
  return out;
}

}  // namespace

json::array read_metrics(const std::string& path) {
  json::array out;
  std::vector<std::string> problems;  // of all files: they are mended together
  for (const auto& file : files_of(path)) {
    const auto text = read_file(file);
    if (!text)
      throw Failure(Cause::failed, fmt::format("there is no file {}", escape_control(file.string())));
    json::value tree;
    try {
      tree = yaml::parse(*text, file.string());
    } catch (const Error& error) {
      problems.emplace_back(error.what());
      continue;
    }
    json::array list = tree.is_array() ? std::move(tree.get_array()) : json::array{std::move(tree)};
    const std::string folder = fs::absolute(file).lexically_normal().parent_path().filename().string();
    for (auto& entry : list) {
      if (!entry.is_object() || plain(entry.get_object(), "name").empty()) {
        problems.push_back(
            fmt::format("{}: a metric is a mapping with a name", escape_control(file.string())));
        continue;
      }
      if (plain(entry.get_object(), "category").empty()) entry.get_object()["category"] = folder;
      out.push_back(std::move(entry));
    }
  }
  if (!problems.empty()) throw Failure(Cause::failed, join(problems, "; "));
  return out;
}

std::map<std::string, std::string> variants_of(const contract::Metric& metric) {
  boost::system::error_code error;
  const auto variants = json::parse(metric.sql_variants.value_or(""), error);
  std::map<std::string, std::string> out;
  if (!error && variants.is_object())
    for (const auto& [key, sql] : variants.get_object()) out[key] = plain(sql);
  return out;
}

std::string metric_yaml(const contract::Metric& metric) {
  std::string out;
  const auto put = [&](std::string_view key, const json::value& value) {
    const std::string text = value_text(value);
    out += fmt::format("{}:{}{}\n", key, text.starts_with('\n') ? "" : " ", text);
  };
  const auto tree = agnes::json::to_json(metric);
  for (const auto& [from, key] : {std::pair{"name", "name"},
                                  {"display_name", "display_name"},
                                  {"category", "category"},
                                  {"type", "type"},
                                  {"unit", "unit"},
                                  {"grain", "grain"},
                                  {"table_name", "table"},
                                  {"tables", "tables"},
                                  {"time_column", "time_column"},
                                  {"expression", "expression"},
                                  {"description", "description"},
                                  {"dimensions", "dimensions"},
                                  {"filters", "filters"},
                                  {"synonyms", "synonyms"},
                                  {"notes", "notes"},
                                  {"sql", "sql"}}) {
    const auto& value = tree.at(from);
    if (!value.is_null() && !(std::string_view(key) == "sql" && metric.sql.empty())) put(key, value);
  }
  for (const auto& [key, sql] : variants_of(metric)) put("sql_" + key, json::value(sql));
  boost::system::error_code error;
  const auto validation = json::parse(metric.validation.value_or(""), error);
  if (!error && validation.is_object()) put("validation", validation);
  return out;
}

}  // namespace agnes::cli
