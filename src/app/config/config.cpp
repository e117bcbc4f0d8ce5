#include "app/config/config.h"

#include <cstdlib>

#include "app/config/check.h"
#include "app/config/secret_file.h"
#include "lib/base/env.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {

using boost::json::object;
using boost::json::value;

constexpr std::string_view kFile = "instance.yaml";

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorKind::invalid, message);
}

object load_tree(const fs::path& file) {
  const auto content = read_file(file);
  if (!content) return {};
  value parsed = yaml::parse(*content, file.string());
  if (parsed.is_null()) return {};
  if (!parsed.is_object()) fail(fmt::format("{}: a mapping of settings is expected", file.string()));
  return std::move(parsed.as_object());
}

// The operator's file and the overlay as one tree, checked. References count only in what is left of both,
// but a file answers for its own settings: the overlay's may come from another version, the operator's are
// known or a mistake.
object load_trees(const fs::path& base_file, const fs::path& overlay_file, const Lookup& lookup,
                  std::vector<std::string>& warnings, object& overlay) {
  object base = load_tree(base_file);
  overlay = load_tree(overlay_file);
  object both = base;
  merge(both, overlay);
  std::vector<std::string> said, unknown;
  check_tree(
      base,
      {.file = base_file.string(), .source = {}, .keep_unknown = false, .lookup = lookup, .warnings = said});
  check_tree(overlay, {.file = overlay_file.string(),
                       .source = {},
                       .keep_unknown = true,
                       .lookup = lookup,
                       .warnings = said});
  const std::string file = overlay.empty()
                               ? base_file.string()
                               : fmt::format("{} under {}", base_file.string(), overlay_file.string());
  check_tree(both, {.file = file,
                    .source = source_of(both),
                    .keep_unknown = true,
                    .lookup = lookup,
                    .warnings = warnings});
  return both;
}

const value* find_in(const object& tree, std::string_view path) {
  const object* at = &tree;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    const auto* next = at->if_contains(path.substr(0, dot));
    if (next == nullptr || !next->is_object()) return nullptr;
    at = &next->as_object();
    path.remove_prefix(dot + 1);
  }
  const auto* found = at->if_contains(path);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void put(object& tree, std::string_view path, value item) {
  object* at = &tree;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    auto& next = (*at)[path.substr(0, dot)];
    if (!next.is_object()) next = object{};
    at = &next.as_object();
    path.remove_prefix(dot + 1);
  }
  (*at)[path] = std::move(item);
}

}  // namespace

Config Config::load(const Places& places) {
  for (const auto& [name, text] : SecretFile(places.state).read()) ::setenv(name.c_str(), text.c_str(), 0);
  return read(places);
}

Config Config::read(const Places& places) {
  Config config;
  config.places_ = places;
  const auto kept = SecretFile(places.state).read();
  const Lookup lookup = [&kept](const std::string& name) -> std::optional<std::string> {
    if (auto outside = env(name.c_str())) return outside;
    const auto found = kept.find(name);
    return found == kept.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
  };
  boost::json::object overlay;
  config.tree_ = load_trees(places.config / kFile, places.state / kFile, lookup, config.warnings_, overlay);
  for (const auto& setting : settings()) {
    const std::string name(setting.environment);
    const auto given = name.empty() ? std::nullopt : lookup(name);
    if (setting.allowed == kPublicAddress) {
      // Names that were saved over HTTP are in the environment, too, after `load`.
      const auto saved = kept.find(name);
      if (given ? saved != kept.end() && saved->second == *given : find_in(overlay, setting.path) != nullptr)
        config.public_only_.emplace(setting.path);
    }
    if (!given) continue;
    auto fitting = coerce(setting, value(*given));
    if (!fitting) fail(fmt::format("the environment variable {} must be {}", name, described(setting)));
    if (!is_allowed(setting, *fitting))
      fail(fmt::format("the environment variable {} must be {}", name, described(setting)));
    put(config.tree_, setting.path, std::move(*fitting));
  }
  if (const auto* named = config.find("data_source.keboola.token_env");
      named != nullptr && !named->as_string().empty())
    if (const auto token = lookup(std::string(named->as_string())))
      put(config.tree_, "data_source.keboola.storage_token", value(*token));
  for (const auto& variable : variables())
    if (!variable.applies && env(std::string(variable.name).c_str()))
      config.warnings_.push_back(
          fmt::format("the environment variable {} has no meaning here and is ignored", variable.name));
  return config;
}

const value* Config::find(std::string_view path) const {
  return find_in(tree_, path);
}

namespace {
const Setting& setting_or_throw(std::string_view path, SettingKind kind) {
  const Setting* setting = find_setting(path);
  if (setting == nullptr || setting->kind != kind)
    throw Error(ErrorKind::internal, fmt::format("{} is no setting of that type", path));
  return *setting;
}
}  // namespace

std::string Config::text(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::text);
  const auto* found = find(path);
  if (found != nullptr) return std::string(found->as_string());
  return setting.fallback.starts_with('=') ? text(setting.fallback.substr(1)) : std::string(setting.fallback);
}
std::optional<std::int64_t> Config::integer(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::integer);
  const auto* found = find(path);
  return found != nullptr ? std::optional(found->as_int64()) : parse_int(setting.fallback);
}
std::int64_t Config::integer_or(std::string_view path, std::int64_t fallback) const {
  return integer(path).value_or(fallback);
}
double Config::number(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::number);
  const auto* found = find(path);
  return found != nullptr ? found->as_double() : parse_double(setting.fallback).value_or(0);
}
bool Config::boolean(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::boolean);
  const auto* found = find(path);
  return found != nullptr ? found->as_bool() : is_truthy(setting.fallback);
}
std::vector<std::string> Config::list(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::list);
  const auto* found = find(path);
  const value items = found != nullptr ? *found : fallback_value(setting);
  std::vector<std::string> out;
  if (items.is_array())
    for (const auto& item : items.as_array()) out.emplace_back(item.as_string());
  return out;
}
boost::json::object Config::object(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::object);
  const auto* found = find(path);
  const value item = found != nullptr ? *found : fallback_value(setting);
  return item.is_object() ? item.as_object() : boost::json::object{};
}

std::string Config::source() const {
  return canonical_source(text("data_source.type"));
}

}  // namespace agnes::config
