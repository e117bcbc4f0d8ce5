#include "app/config/config.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

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
  lay_over(both, overlay);
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

namespace {

Lookup lookup_in(const std::map<std::string, std::string>& saved) {
  return [&saved](const std::string& name) -> std::optional<std::string> {
    if (auto given = env(name.c_str())) return given;
    const auto found = saved.find(name);
    return found == saved.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
  };
}

// What a variable says for its setting.
value of_variable(const Setting& setting, const std::string& text) {
  auto fitting = coerce(setting, value(text));
  if (!fitting || !is_allowed(setting, *fitting))
    fail(fmt::format("the environment variable {}{} is {} and must be {}", setting.environment,
                     setting.path.empty() ? "" : fmt::format(" ({})", setting.path),
                     describe_value(setting, value(text)), described(setting)));
  return *std::move(fitting);
}

}  // namespace

void Config::take_variables(const std::map<std::string, std::string>& saved,
                            const boost::json::object& overlay) {
  const auto is_named_above = [&](std::string_view path) {
    return std::any_of(unbuilt_.begin(), unbuilt_.end(), [&](const std::string& named) {
      return path.size() > named.size() && path.starts_with(named) && path[named.size()] == '.';
    });
  };
  const auto lookup = lookup_in(saved);
  for (const auto& setting : settings()) {
    const std::string name(setting.environment);
    const auto given = name.empty() ? std::nullopt : lookup(name);
    if (setting.shape == Shape::public_address) {
      // Names that were saved over HTTP are in the environment, too, after `load`.
      const auto kept = saved.find(name);
      if (given ? kept != saved.end() && kept->second == *given : find_in(overlay, setting.path) != nullptr)
        public_only_.emplace(setting.path);
    }
    if (given) put(tree_, setting.path, of_variable(setting, *given));
    if (!setting.built && find(setting.path) != nullptr && !is_named_above(setting.path))
      unbuilt_.emplace_back(setting.path);
  }
  for (const auto& setting : variables())
    if (const auto given = lookup(std::string(setting.environment)))
      variables_[setting.environment] = of_variable(setting, *given);
  for (const auto& setting : settings())
    if (const auto* named = setting.named_by.empty() ? nullptr : find(setting.named_by);
        named != nullptr && !named->as_string().empty())
      if (const auto given = lookup(std::string(named->as_string())))
        put(tree_, setting.path, of_variable(setting, *given));
  for (const auto name : unbuilt_variables())
    if (lookup(std::string(name))) unbuilt_.emplace_back(name);
}

Config Config::read(const Places& places) {
  Config config;
  config.places_ = places;
  const auto saved = SecretFile(places.state).read();
  boost::json::object overlay;
  config.tree_ =
      load_trees(places.config / kFile, places.state / kFile, lookup_in(saved), config.warnings_, overlay);
  config.take_variables(saved, overlay);
  return config;
}

const value* Config::find(std::string_view path) const {
  return find_in(tree_, path);
}

const value* Config::value_of(const std::string& path, const Rule& rule) const {
  const Setting* setting = path.empty() ? find_variable(rule.variable) : find_setting(path);
  if (setting == nullptr || !setting->built)
    throw std::logic_error(
        fmt::format("no module declares the setting {}", path.empty() ? rule.variable : path));
  const value* found = nullptr;
  if (path.empty()) {
    const auto* given = variables_.if_contains(rule.variable);
    if (given != nullptr && !given->is_null()) found = given;
  } else {
    found = find(path);
  }
  // Cleared in a form it is there, but empty; as a variable that is empty, it is as good as unset.
  if (found != nullptr && found->is_string() && found->as_string().empty()) found = nullptr;
  return found == nullptr && !rule.same_as.empty() ? find(rule.same_as) : found;
}

bool Config::is_given(std::string_view path) const {
  const auto* found = find(path);
  return found != nullptr && !(found->is_string() && found->as_string().empty());
}

std::string Config::source() const {
  const auto* type = find("data_source.type");
  return canonical_source(type != nullptr ? std::string_view(type->as_string()) : "");
}

}  // namespace agnes::config
