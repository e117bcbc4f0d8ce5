#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11.hpp>

// Settings are members of described structs that stand beside what uses them:
//
//   struct QuerySettings {
//     static constexpr std::string_view kSection = "query";   // of instance.yaml
//     std::int64_t max_rows = 100'000;                         // the default
//     std::string token;
//     static constexpr config::Rule kRules[] = {
//         {.member = "max_rows", .ge = 1, .help = "Largest `limit` of one query"},
//         {.member = "token", .variable = "QUERY_TOKEN", .variable_only = true, .secret = true, .help = "..."},
//     };
//   };
//   BOOST_DESCRIBE_STRUCT(QuerySettings, (), (max_rows, token))
//
// Its module declares it (declarations.settings.add<QuerySettings>()), and takes it from the configuration:
// services.config.get<QuerySettings>(). Members are bool, whole numbers, double, std::chrono durations, std::string,
// std::vector<std::string>, boost::json::object, or std::optional of one of these: empty when nothing is set.
namespace agnes::config {

enum class SettingKind {
  text,
  integer,
  number,
  boolean,
  list,    // of texts; a text with commas is taken as one
  object,  // free-form below this path, but for keys that are settings themselves ("ai" and "ai.base_url")
};

// What a value must look like beyond its kind.
enum class Shape {
  any,
  address,         // http or https
  path,            // of this server: "/dashboard"
  public_address,  // and when an administrator saves it, it must resolve, and to public addresses only
  numbers,         // a mapping of numbers
  lists,           // of lists of texts
  objects,         // of mappings
};

// Of one member: everything that is not its type and its default.
struct Rule {
  std::string_view member;
  std::string_view key = {};       // its path, where that is not section.member: "data_source.files.path"
  std::string_view variable = {};  // the environment variable that wins over the file
  // It is set by its variable alone. So is every member of a struct without kSection that has no key.
  bool variable_only = false;
  std::optional<double> ge = {}, le = {};
  std::array<std::string_view, 12> one_of = {};  // in any case; the value is written as it is here
  Shape shape = Shape::any;
  std::string_view same_as = {};    // the setting whose value it has when it is not set itself
  bool secret = false;              // never shown, logged or read back
  bool shown = false;               // forms show the default too, where something of its section is set
  std::string_view named_by = {};   // a setting with the name of another variable, which wins over all else
  std::string_view needed_by = {};  // a source type whose settings must resolve: "files"; empty: optional
  std::string_view help;            // one line for docs and forms
};

// One setting: what the reader, the API and the documentation need to know of it.
struct Setting {
  std::string_view path = {};  // "data_source.files.path"; empty: it is set by its variable alone
  SettingKind kind = SettingKind::text;
  boost::json::value fallback = nullptr;  // the default; null: unset
  std::string_view same_as = {};
  std::string_view environment = {};
  std::optional<double> ge = {}, le = {};
  std::vector<std::string_view> one_of = {};
  Shape shape = Shape::any;
  bool secret = false, shown = false;
  std::string_view named_by = {};
  bool built = true;  // false: of a feature that this server does not have; it is taken and does nothing
  std::string_view needed_by = {}, help = {}, module = {};

  std::string_view name() const { return path.empty() ? environment : path; }
};

// Every setting that an instance.yaml may hold; anything else in the file is an error. The tables of this process are
// those of the Schema that `use` has installed (schema.h).
std::span<const Setting> settings();
const Setting* find_setting(std::string_view path);
// Settings that only an environment variable sets.
std::span<const Setting> variables();
const Setting* find_variable(std::string_view name);
// Whether some setting's path continues this one.
bool has_settings_below(std::string_view path);
// What settings below this path have in common, for forms; empty when nothing is said.
std::string_view group_help(std::string_view path);
// " (is email.smtp_host meant?)" for a path that is not a setting but close to one, else "".
std::string nearest_setting(std::string_view path);

// The parts of instance.yaml that an administrator may change while the server runs, in the order of the
// form.
std::span<const std::string_view> editable_sections();
// Those among them with which administrators can lock themselves out: they ask for a confirmation.
std::span<const std::string_view> danger_sections();

// Known names that do nothing here: settings of features that are not built, or kept for existing files, and variables
// of the Python implementation. Those of a module that is built are the module's: Schema::add_unbuilt.
std::vector<Setting> unbuilt_settings();
std::span<const std::string_view> unbuilt_variables();

// A variable whose name is itself a setting (token_env) or a convention of others; nothing when unset or empty.
std::optional<std::string> outside(const std::string& variable);

// ------------------------------------------------------------------------------------ behind the templates

namespace detail {

template <class T>
concept Struct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;
template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
template <class T>
constexpr bool is_duration = false;
template <class R, class P>
constexpr bool is_duration<std::chrono::duration<R, P>> = true;
template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;

template <class T>
constexpr SettingKind kind_of() {
  if constexpr (is_optional<T>)
    return kind_of<typename T::value_type>();
  else if constexpr (std::is_same_v<T, bool>)
    return SettingKind::boolean;
  else if constexpr (std::is_integral_v<T> || is_duration<T>)
    return SettingKind::integer;
  else if constexpr (std::is_floating_point_v<T>)
    return SettingKind::number;
  else if constexpr (std::is_same_v<T, std::string>)
    return SettingKind::text;
  else if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return SettingKind::list;
  else {
    static_assert(std::is_same_v<T, boost::json::object>, "no type for a setting");
    return SettingKind::object;
  }
}

// The numbers that the type of a member can hold, as far as they fit an int64.
template <class T>
constexpr std::pair<std::int64_t, std::int64_t> limits_of() {
  if constexpr (is_optional<T>)
    return limits_of<typename T::value_type>();
  else if constexpr (is_duration<T>)
    return {-1'000'000'000'000, 1'000'000'000'000};
  else if constexpr (std::is_integral_v<T> && sizeof(T) < 8)
    return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
  else if constexpr (std::is_unsigned_v<T>)
    return {0, std::numeric_limits<std::int64_t>::max()};
  else
    return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
}

// The value was checked against the setting.
template <class T>
void assign(T& member, const boost::json::value& value) {
  if constexpr (is_optional<T>)
    assign(member.emplace(), value);
  else if constexpr (std::is_same_v<T, bool>)
    member = value.as_bool();
  else if constexpr (std::is_integral_v<T> || is_duration<T>)
    member = static_cast<T>(value.as_int64());
  else if constexpr (std::is_floating_point_v<T>)
    member = value.to_number<double>();
  else if constexpr (std::is_same_v<T, std::string>)
    member = std::string(value.as_string());
  else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    member.clear();
    for (const auto& item : value.as_array()) member.emplace_back(item.as_string());
  } else {
    member = value.is_object() ? value.as_object() : boost::json::object{};
  }
}

// null: nothing is set.
template <class T>
boost::json::value value_of(const T& member) {
  if constexpr (is_optional<T>)
    return member ? value_of(*member) : nullptr;
  else if constexpr (std::is_same_v<T, bool>)
    return member;
  else if constexpr (is_duration<T>)
    return static_cast<std::int64_t>(member.count());
  else if constexpr (std::is_integral_v<T>)
    return static_cast<std::int64_t>(member);
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<double>(member);
  else if constexpr (std::is_same_v<T, std::string>)
    return member.empty() ? boost::json::value(nullptr) : boost::json::value(member);
  else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    boost::json::array out(member.begin(), member.end());
    return out.empty() ? boost::json::value(nullptr) : boost::json::value(std::move(out));
  } else {
    return member.empty() ? boost::json::value(nullptr) : boost::json::value(member);
  }
}

// Throws std::logic_error when the member has none: a fault of ours.
const Rule& rule_of(std::span<const Rule> rules, std::string_view member);

template <class T>
constexpr std::string_view section_of() {
  if constexpr (requires { T::kSection; })
    return T::kSection;
  else
    return {};
}
// "" for one that its variable alone sets.
template <class T>
std::string path_of(const Rule& rule) {
  constexpr bool has_section = requires {
    T::kSection;
  };
  if (!rule.key.empty()) return std::string(rule.key);
  if (rule.variable_only || !has_section) return {};
  const std::string section(section_of<T>());
  return section.empty() ? std::string(rule.member) : section + "." + std::string(rule.member);
}

}  // namespace detail

}  // namespace agnes::config
