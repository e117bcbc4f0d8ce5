#include "server/settings_list.h"

#include "app/config/check.h"
#include "app/config/schema.h"
#include "lib/base/json.h"

namespace agnes::server {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using config::Setting;

std::string_view type_of(const Setting& setting) {
  switch (setting.kind) {
    case config::SettingKind::text:
      return "text";
    case config::SettingKind::integer:
      return "integer";
    case config::SettingKind::number:
      return "number";
    case config::SettingKind::boolean:
      return "boolean";
    case config::SettingKind::list:
      return "list";
    case config::SettingKind::object:
      return "object";
  }
  return "";
}

value or_null(std::string_view text) {
  return text.empty() ? value(nullptr) : value(text);
}

object row_of(const Setting& setting) {
  const auto end = [&](const std::optional<double>& number) {
    if (!number) return value(nullptr);
    return setting.kind == config::SettingKind::integer ? value(static_cast<std::int64_t>(*number))
                                                        : value(*number);
  };
  return {{"name", setting.name()},
          {"path", or_null(setting.path)},
          {"variable", or_null(setting.environment)},
          {"type", type_of(setting)},
          {"default", setting.fallback},
          {"same_as", or_null(setting.same_as)},
          {"ge", end(setting.ge)},
          {"le", end(setting.le)},
          {"one_of", array(setting.one_of.begin(), setting.one_of.end())},
          {"allowed", config::described(setting)},
          {"secret", setting.secret},
          {"applies", "restart"},
          {"help", setting.help},
          {"module", setting.module}};
}

template <class Each>
void for_each_built(const Each& each) {
  for (const auto& setting : config::settings())
    if (setting.built) each(setting);
  for (const auto& setting : config::variables()) each(setting);
}

}  // namespace

std::string settings_json() {
  array rows, unbuilt, variables;
  for_each_built([&](const Setting& setting) { rows.push_back(row_of(setting)); });
  for (const auto& setting : config::settings())
    if (!setting.built) unbuilt.emplace_back(setting.path);
  for (const auto name : config::unbuilt_variables()) variables.emplace_back(name);
  return boost::json::serialize(
             object{{"settings", std::move(rows)},
                    {"unbuilt", {{"settings", std::move(unbuilt)}, {"variables", std::move(variables)}}}}) +
         "\n";
}

std::string settings_text() {
  std::string out;
  for_each_built([&](const Setting& setting) {
    const bool both = !setting.path.empty() && !setting.environment.empty();
    out +=
        fmt::format("{}{}: {}; {}\n", setting.name(), both ? fmt::format(" ({})", setting.environment) : "",
                    config::described(setting), setting.help);
  });
  return out;
}

}  // namespace agnes::server
