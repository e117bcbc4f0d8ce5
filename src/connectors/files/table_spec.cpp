#include "connectors/files/table_spec.h"

#include <boost/json/serialize.hpp>
#include <boost/mp11.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

using boost::json::value;

// All but the name, which is the key of the mapping.
const std::vector<std::string>& setting_names() {
  static const auto names = [] {
    std::vector<std::string> out;
    using Members = boost::describe::describe_members<TableSpec, boost::describe::mod_public>;
    boost::mp11::mp_for_each<Members>([&](auto member) { out.emplace_back(member.name); });
    std::erase(out, "name");
    return out;
  }();
  return names;
}

// What a setting must be, for people.
std::string_view expected(std::string_view key) {
  if (key == "types") return "a mapping of columns to types";
  if (key == "header") return "true or false";
  if (key == "skip") return "a whole number of lines";
  return "a text";
}

// Why one setting cannot be used; "" when it can.
std::string fault_of(const std::string& path, const std::string& key, const value& item) {
  const auto& names = setting_names();
  if (std::find(names.begin(), names.end(), key) == names.end())
    return fmt::format("there is no setting {}.{}{}: correct it or take it out, and restart", path,
                       escape_control(key), nearest_name(key, names));
  try {
    json::from_json<TableSpec>(boost::json::object{{key, item}});
  } catch (const Error&) {
    return fmt::format("{}.{} is {} and must be {}: correct it, and restart", path, key,
                       escape_control(boost::json::serialize(item)).substr(0, 100), expected(key));
  }
  return "";
}

}  // namespace

std::string spec_path(const std::string& table) {
  return "data_source.files.tables." + escape_control(table);
}

std::string nearest_name(const std::string& word, const std::vector<std::string>& names) {
  Nearest nearest(word, 4);
  for (const auto& name : names) nearest.offer(name);
  return nearest.best().empty() ? "" : fmt::format(" (is {} meant?)", nearest.best());
}

std::vector<TableSpec> read_specs(const boost::json::object& tables,
                                  std::map<std::string, std::string>& wrong) {
  std::vector<TableSpec> out;
  for (const auto& [table, settings] : tables) {
    const std::string name(table);
    auto& spec = out.emplace_back();
    spec.name = name;
    if (settings.is_null()) continue;
    if (!settings.is_object()) {
      wrong[name] = spec_path(name) + " must be a mapping: correct it, and restart";
      continue;
    }
    for (const auto& [key, item] : settings.as_object())
      if (auto fault = fault_of(spec_path(name), std::string(key), item); !fault.empty()) {
        wrong.emplace(name, std::move(fault));
      }
    if (!wrong.contains(name)) {
      spec = json::from_json<TableSpec>(settings);
    } else if (const auto* source = settings.as_object().if_contains("source");
               source != nullptr && source->is_string()) {
      // Else its file would become a table of another name.
      spec.source = source->as_string();
    }
    spec.name = name;
  }
  return out;
}

}  // namespace agnes::connectors::files
