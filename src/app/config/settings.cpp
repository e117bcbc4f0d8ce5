#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "app/config/schema.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {
struct Group {
  std::string_view path, help;
};
constexpr Group kGroups[] = {
    {"corporate_memory.sources", "Where knowledge comes from, and how much each source is trusted"},
    {"corporate_memory.confidence", "How confidence in an item is reckoned and fades"},
};

constexpr std::string_view kEditable[] = {
    "instance", "data_source",  "email",   "telegram",         "jira",       "theme", "server", "auth",
    "ai",       "openmetadata", "desktop", "corporate_memory", "materialize"};
constexpr std::string_view kDanger[] = {"auth", "server"};
}  // namespace

std::span<const std::string_view> editable_sections() {
  return kEditable;
}
std::span<const std::string_view> danger_sections() {
  return kDanger;
}

bool has_settings_below(std::string_view path) {
  for (const auto& setting : settings())
    if (setting.path.size() > path.size() && setting.path.starts_with(path) &&
        setting.path[path.size()] == '.')
      return true;
  return false;
}

std::string_view group_help(std::string_view path) {
  for (const auto& group : kGroups)
    if (group.path == path) return group.help;
  return schema().group_help(path);
}

std::string nearest_setting(std::string_view path) {
  Nearest nearest(path, 4);
  for (const auto& setting : settings()) nearest.offer(setting.path);
  return nearest.best().empty() ? "" : fmt::format(" (is {} meant?)", nearest.best());
}

namespace {
const Setting* find_in(std::span<const Setting> among, std::string_view path) {
  for (const auto& setting : among)
    if (setting.path == path) return &setting;
  return nullptr;
}
const Setting* find_variable_in(std::span<const Setting> among, std::string_view name) {
  for (const auto& setting : among)
    if (setting.environment == name) return &setting;
  return nullptr;
}
Schema& installed() {
  static Schema one;
  return one;
}
}  // namespace

std::span<const Setting> settings() {
  return installed().settings();
}
std::span<const Setting> variables() {
  return installed().variables();
}
const Setting* find_setting(std::string_view path) {
  return find_in(settings(), path);
}
const Setting* find_variable(std::string_view name) {
  return find_variable_in(variables(), name);
}

std::optional<std::string> outside(const std::string& variable) {
  return env(variable.c_str());
}

const Rule& detail::rule_of(std::span<const Rule> rules, std::string_view member) {
  for (const auto& rule : rules)
    if (rule.member == member) return rule;
  throw std::logic_error(fmt::format("the setting {} has no rule", member));
}

Schema::Schema() : settings_(unbuilt_settings()) {}

void Schema::add_one(std::string path, const Rule& rule, SettingKind kind, boost::json::value fallback,
                     std::pair<std::int64_t, std::int64_t> limits) {
  Setting setting{.kind = kind,
                  .fallback = std::move(fallback),
                  .same_as = rule.same_as,
                  .environment = rule.variable,
                  .ge = rule.ge,
                  .le = rule.le,
                  .shape = rule.shape,
                  .secret = rule.secret,
                  .shown = rule.shown,
                  .named_by = rule.named_by,
                  .needed_by = rule.needed_by,
                  .help = rule.help,
                  .module = module_};
  for (const auto choice : rule.one_of)
    if (!choice.empty()) setting.one_of.push_back(choice);
  // What a member cannot hold is out of range, and not cut.
  if (kind == SettingKind::integer) {
    const auto lowest = static_cast<double>(limits.first), highest = static_cast<double>(limits.second);
    if (limits.first > std::numeric_limits<std::int64_t>::min())
      setting.ge = std::max(setting.ge.value_or(lowest), lowest);
    if (limits.second < std::numeric_limits<std::int64_t>::max())
      setting.le = std::min(setting.le.value_or(highest), highest);
  }
  const auto twice = [](std::string_view name) {
    return std::logic_error(fmt::format("the setting {} is declared twice", name));
  };
  if (path.empty() && rule.variable.empty())
    throw std::logic_error(fmt::format("the setting {} has neither path nor variable", rule.member));
  if (!rule.variable.empty() && (find_variable_in(settings_, rule.variable) != nullptr ||
                                 find_variable_in(variables_, rule.variable) != nullptr))
    throw twice(rule.variable);
  if (path.empty()) {
    variables_.push_back(std::move(setting));
    return;
  }
  if (find_in(settings_, path) != nullptr) throw twice(path);
  setting.path = paths_.emplace_back(std::move(path));
  settings_.push_back(std::move(setting));
}

void Schema::add_source(std::string_view type, std::string_view help) {
  groups_.emplace_back(fmt::format("data_source.{}", type), help);
  for (auto& setting : settings_)
    if (setting.path == "data_source.type" &&
        std::find(setting.one_of.begin(), setting.one_of.end(), type) == setting.one_of.end())
      setting.one_of.push_back(type);
}

void Schema::add_unbuilt(Setting setting) {
  setting.built = false;
  setting.module = module_;
  settings_.push_back(std::move(setting));
}

std::string_view Schema::group_help(std::string_view path) const {
  for (const auto& [group, help] : groups_)
    if (group == path) return help;
  return "";
}

boost::json::object Schema::in_force(const Config& config) const {
  boost::json::object out;
  for (const auto& add : in_force_) add(config, out);
  return out;
}

void use(Schema schema) {
  installed() = std::move(schema);
}
const Schema& schema() {
  return installed();
}

}  // namespace agnes::config
