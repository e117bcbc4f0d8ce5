#include "config/config.h"

#include <cmath>
#include <cstdlib>

#include "base/env.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace agnes::config {

namespace {

using boost::json::object;
using boost::json::value;

constexpr std::string_view kFile = "instance.yaml";

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::invalid, message); }

// NAME=value lines, '#' comments, optional quotes: written by the server configuration page, mode 600.
void load_env_overlay(const fs::path& file) {
  const auto content = read_file(file);
  if (!content) return;
  for (const auto& raw : split(*content, '\n')) {
    auto line = trim(raw);
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("export ")) line.remove_prefix(7);
    const auto at = line.find('=');
    if (at == std::string_view::npos) continue;
    auto text = trim(line.substr(at + 1));
    if (text.size() >= 2 && text.front() == text.back() && (text[0] == '"' || text[0] == '\''))
      text = text.substr(1, text.size() - 2);
    ::setenv(std::string(trim(line.substr(0, at))).c_str(), std::string(text).c_str(), 0);
  }
}

void merge(object& base, const object& patch) {
  for (const auto& [key, theirs] : patch) {
    auto* ours = base.if_contains(key);
    if (ours != nullptr && ours->is_object() && theirs.is_object()) merge(ours->as_object(), theirs.as_object());
    else base.insert_or_assign(key, theirs);
  }
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = std::exchange(row[j], next);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view path) {
  const Setting* best = nullptr;
  std::size_t least = 4;
  for (const auto& setting : settings())
    if (const auto d = distance(path, setting.path); d < least) {
      least = d;
      best = &setting;
    }
  return best != nullptr ? fmt::format(" (is {} meant?)", best->path) : "";
}

std::string_view kind_name(SettingKind kind) {
  switch (kind) {
    case SettingKind::text: return "a text";
    case SettingKind::integer: return "a whole number";
    case SettingKind::number: return "a number";
    case SettingKind::boolean: return "true or false";
    case SettingKind::list: return "a list of texts";
    case SettingKind::object: return "a mapping";
  }
  return "";
}

// A value as its setting wants it, or nothing when it cannot be. Numbers in texts come from ${VARIABLES}.
std::optional<value> coerce(const Setting& setting, const value& given) {
  if (given.is_null()) return value(nullptr);
  switch (setting.kind) {
    case SettingKind::text:
      if (given.is_string()) return given;
      if (given.is_int64()) return value(std::to_string(given.as_int64()));
      return std::nullopt;
    case SettingKind::integer:
      if (given.is_int64()) return given;
      if (given.is_double() && given.as_double() == std::floor(given.as_double()))
        return value(static_cast<std::int64_t>(given.as_double()));
      if (given.is_string()) {
        if (given.as_string().empty()) return value(nullptr);
        if (const auto number = parse_int(given.as_string())) return value(*number);
      }
      return std::nullopt;
    case SettingKind::number:
      if (given.is_number()) return value(given.to_number<double>());
      if (given.is_string())
        if (const auto number = parse_double(given.as_string())) return value(*number);
      return std::nullopt;
    case SettingKind::boolean:
      if (given.is_bool()) return given;
      if (given.is_string()) return value(is_truthy(given.as_string()));
      return std::nullopt;
    case SettingKind::list: {
      boost::json::array out;
      if (given.is_string()) {
        for (const auto& part : split(given.as_string(), ','))
          if (!trim(part).empty()) out.emplace_back(std::string(trim(part)));
        return value(out);
      }
      if (!given.is_array()) return std::nullopt;
      for (const auto& item : given.as_array())
        if (!item.is_string()) return std::nullopt;
      return given;
    }
    case SettingKind::object:
      if (given.is_object() || given.is_array()) return given;
      return std::nullopt;
  }
  return std::nullopt;
}

// Walks a file's tree: every leaf must be a setting, of its kind; ${VARIABLES} are filled in.
class Reader {
 public:
  Reader(std::string file, std::string source, std::vector<std::string>& warnings)
      : file_(std::move(file)), source_(std::move(source)), warnings_(warnings) {}

  void check(object& tree, const std::string& prefix) {
    for (auto& pair : tree) {
      const std::string path = prefix.empty() ? std::string(pair.key()) : fmt::format("{}.{}", prefix, std::string_view(pair.key()));
      auto& item = pair.value();
      if (const Setting* setting = find_setting(path)) {
        fill(item, *setting, path);
        auto fitting = coerce(*setting, item);
        if (!fitting) fail(fmt::format("{}: {} must be {}", file_, path, kind_name(setting->kind)));
        item = std::move(*fitting);
        check_allowed(*setting, item, path);
      } else if (has_below(path)) {
        if (item.is_null()) item = object{};
        if (!item.is_object()) fail(fmt::format("{}: {} must be a mapping", file_, path));
        check(item.as_object(), path);
      } else {
        fail(fmt::format("{}: there is no setting {}{}", file_, path, nearest(path)));
      }
    }
  }

 private:
  static bool has_below(const std::string& path) {
    for (const auto& setting : settings())
      if (setting.path.starts_with(path) && setting.path.size() > path.size() && setting.path[path.size()] == '.')
        return true;
    return false;
  }

  void check_allowed(const Setting& setting, const value& item, const std::string& path) {
    if (setting.allowed.empty() || item.is_null()) return;
    const std::string text = item.is_string() ? std::string(item.as_string()) : fmt::format("{}", item.to_number<int>());
    for (const auto& word : split(setting.allowed, '|'))
      if (word == text) return;
    std::string choices(setting.allowed);
    std::replace(choices.begin(), choices.end(), '|', ' ');
    fail(fmt::format("{}: {} is \"{}\" but must be one of: {}", file_, path, text, choices));
  }

  void fill(value& item, const Setting& setting, const std::string& path) {
    if (item.is_array())
      for (auto& inner : item.as_array()) fill(inner, setting, path);
    if (item.is_object())
      for (auto& pair : item.as_object()) fill(pair.value(), setting, fmt::format("{}.{}", path, std::string_view(pair.key())));
    if (!item.is_string()) return;
    std::string text(item.as_string());
    for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
      const auto end = text.find('}', at);
      if (end == std::string::npos) return;
      const std::string name = text.substr(at + 2, end - at - 2);
      const auto found = env(name.c_str());
      if (!found) {
        const std::string said = fmt::format("{}: {} refers to the environment variable {}, which is not set", file_, path, name);
        if (!setting.needed_by.empty() && setting.needed_by == source_) fail(said);
        warnings_.push_back(said);
      }
      text.replace(at, end - at + 1, found.value_or(""));
      at += found ? found->size() : 0;
    }
    item = text;
  }

  std::string file_, source_;
  std::vector<std::string>& warnings_;
};

std::string canonical_source(std::string_view type) {
  return type == "local" || type == "csv" || type == "files" || type.empty() ? "files" : std::string(type);
}

object load_tree(const fs::path& file, std::vector<std::string>& warnings) {
  const auto content = read_file(file);
  if (!content) return {};
  value parsed = parse_yaml(*content, file.string());
  if (parsed.is_null()) return {};
  if (!parsed.is_object()) fail(fmt::format("{}: a mapping of settings is expected", file.string()));
  std::string type = env_or("DATA_SOURCE", "");
  if (const auto* part = parsed.as_object().if_contains("data_source"); type.empty() && part != nullptr && part->is_object())
    if (const auto* named = part->as_object().if_contains("type"); named != nullptr && named->is_string())
      type = std::string(named->as_string());
  Reader(file.string(), canonical_source(type), warnings).check(parsed.as_object(), "");
  return std::move(parsed.as_object());
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
  Config config;
  config.places_ = places;
  load_env_overlay(places.state / ".env_overlay");
  config.tree_ = load_tree(places.config / kFile, config.warnings_);
  merge(config.tree_, load_tree(places.state / kFile, config.warnings_));
  for (const auto& setting : settings()) {
    if (setting.environment.empty()) continue;
    const std::string name(setting.environment);
    const auto given = env(name.c_str());
    if (!given) continue;
    auto fitting = coerce(setting, value(*given));
    if (!fitting) fail(fmt::format("the environment variable {} must be {}", name, kind_name(setting.kind)));
    put(config.tree_, setting.path, std::move(*fitting));
  }
  for (const auto& variable : variables())
    if (!variable.applies && env(std::string(variable.name).c_str()))
      config.warnings_.push_back(fmt::format("the environment variable {} has no meaning here and is ignored", variable.name));
  return config;
}

const value* Config::find(std::string_view path) const {
  const boost::json::object* at = &tree_;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    const auto* next = at->if_contains(path.substr(0, dot));
    if (next == nullptr || !next->is_object()) return nullptr;
    at = &next->as_object();
    path.remove_prefix(dot + 1);
  }
  const auto* found = at->if_contains(path);
  return found == nullptr || found->is_null() ? nullptr : found;
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
  return found != nullptr ? std::string(found->as_string()) : std::string(setting.fallback);
}
std::optional<std::int64_t> Config::integer(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::integer);
  const auto* found = find(path);
  return found != nullptr ? std::optional(found->as_int64()) : parse_int(setting.fallback);
}
std::int64_t Config::integer_or(std::string_view path, std::int64_t fallback) const {
  return integer(path).value_or(fallback);
}
bool Config::boolean(std::string_view path) const {
  const auto& setting = setting_or_throw(path, SettingKind::boolean);
  const auto* found = find(path);
  return found != nullptr ? found->as_bool() : is_truthy(setting.fallback);
}
std::vector<std::string> Config::list(std::string_view path) const {
  setting_or_throw(path, SettingKind::list);
  std::vector<std::string> out;
  if (const auto* found = find(path))
    for (const auto& item : found->as_array()) out.emplace_back(item.as_string());
  return out;
}
boost::json::object Config::object(std::string_view path) const {
  setting_or_throw(path, SettingKind::object);
  const auto* found = find(path);
  return found != nullptr && found->is_object() ? found->as_object() : boost::json::object{};
}

std::string Config::source() const { return canonical_source(text("data_source.type")); }

}  // namespace agnes::config
