#include "app/config/form.h"

#include "app/config/check.h"
#include "app/config/masks.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

bool is_in(std::span<const std::string_view> sections, std::string_view path) {
  return std::find(sections.begin(), sections.end(), path.substr(0, path.find('.'))) != sections.end();
}

bool is_map(const Setting& setting) {
  return setting.shape == Shape::numbers || setting.shape == Shape::lists || setting.shape == Shape::objects;
}

std::string_view kind_of(const Setting& setting) {
  switch (setting.kind) {
    case SettingKind::text:
      if (setting.secret) return "secret";
      return setting.one_of.empty() ? "string" : "select";
    case SettingKind::integer:
      return "int";
    case SettingKind::number:
      return "float";
    case SettingKind::boolean:
      return "bool";
    case SettingKind::list:
      return "array";
    case SettingKind::object:
      return is_map(setting) ? "map" : "object";
  }
  return "";
}

bool is_limited(const Setting& setting) {
  return setting.ge || setting.le || !setting.one_of.empty() || setting.shape != Shape::any;
}

object field_of(const Setting& setting) {
  object out{{"kind", kind_of(setting)}};
  if (const auto fallback = fallback_value(setting); !fallback.is_null()) out["default"] = fallback;
  out["hint"] = setting.help;
  if (kind_of(setting) == "select") {
    array options;
    for (const auto& choice : setting.one_of) options.emplace_back(choice);
    out["options"] = std::move(options);
  }
  if (setting.kind == SettingKind::list) out["item_kind"] = "string";
  if (setting.kind == SettingKind::object && !is_map(setting)) out["fields"] = object{};
  if (is_map(setting)) {
    out["key_kind"] = "string";
    out["value_kind"] = setting.shape == Shape::numbers ? "float"
                        : setting.shape == Shape::lists ? "array"
                                                        : "object";
    if (setting.shape == Shape::lists) out["value_item_kind"] = "string";
    if (setting.shape == Shape::objects) out["value_fields"] = object{};
  }
  if (!setting.same_as.empty()) {
    array from;
    for (const auto& step : split(setting.same_as, '.')) from.emplace_back(step);
    out["placeholder_from"] = std::move(from);
  }
  return out;
}

// The fields of what lies at `path`, which is made where it is not there yet.
object& fields_at(object& sections, const std::string& path) {
  const auto dot = path.rfind('.');
  if (dot == std::string::npos) {
    if (!sections.contains(path)) sections[path] = object{};
    return sections[path].as_object();
  }
  auto& above = fields_at(sections, path.substr(0, dot));
  const std::string key = path.substr(dot + 1);
  if (!above.contains(key)) {
    object group{{"kind", "object"}};
    if (const auto help = group_help(path); !help.empty()) group["hint"] = help;
    group["fields"] = object{};
    above[key] = std::move(group);
  }
  return above[key].as_object()["fields"].as_object();
}

// Puts a setting's default beside what is set of its section.
void show_default(object& sections, const Setting& setting) {
  object* at = &sections;
  std::string_view path = setting.path;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    auto* next = at->if_contains(path.substr(0, dot));
    if (next == nullptr || !next->is_object()) return;
    at = &next->get_object();
    path.remove_prefix(dot + 1);
  }
  if (!at->contains(path)) at->emplace(path, fallback_value(setting));
}

}  // namespace

object known_fields() {
  object out;
  for (const auto& section : editable_sections()) out[section] = object{};
  for (const auto& setting : settings()) {
    const auto dot = setting.path.rfind('.');
    if (dot == std::string_view::npos || !is_in(editable_sections(), setting.path)) continue;
    fields_at(out, std::string(setting.path.substr(0, dot)))[setting.path.substr(dot + 1)] =
        field_of(setting);
  }
  return out;
}

array setting_list(const Overlay& overlay) {
  array out;
  for (const auto& setting : settings()) {
    if (!setting.built) continue;
    object row{{"path", setting.path}, {"kind", kind_of(setting)}, {"default", fallback_value(setting)}};
    row["allowed"] = is_limited(setting) ? value(described(setting)) : value(nullptr);
    row["secret"] = setting.secret;
    row["editable"] = is_in(editable_sections(), setting.path);
    row["danger"] = is_in(danger_sections(), setting.path);
    row["restart"] = true;  // each is read once, at the start
    row["environment"] = setting.environment.empty() ? value(nullptr) : value(setting.environment);
    row["overridden"] = overlay.overriding(setting).has_value();
    row["help"] = setting.help;
    out.push_back(std::move(row));
  }
  return out;
}

object shown_sections(const Overlay& overlay) {
  const object written = overlay.written();
  object out;
  for (const auto& section : editable_sections()) {
    const auto* found = written.if_contains(section);
    out[section] = found != nullptr && !found->is_null() ? masked(*found, std::string(section)) : object{};
  }
  for (const auto& setting : settings())
    if (setting.shown && is_in(editable_sections(), setting.path)) show_default(out, setting);
  return out;
}

}  // namespace agnes::config
