#include "app/config/check.h"

#include <algorithm>
#include <cmath>

#include <boost/json/serialize.hpp>
#include <fmt/ranges.h>

#include "app/config/config.h"
#include "lib/base/env.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {

using boost::json::object;
using boost::json::value;

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorKind::invalid, message);
}

std::string_view kind_name(SettingKind kind) {
  switch (kind) {
    case SettingKind::text:
      return "a text";
    case SettingKind::integer:
      return "a whole number";
    case SettingKind::number:
      return "a number";
    case SettingKind::boolean:
      return "true or false";
    case SettingKind::list:
      return "a list of texts";
    case SettingKind::object:
      return "a mapping";
  }
  return "";
}

bool map_fits(Shape wanted, const object& map) {
  return std::all_of(map.begin(), map.end(), [&](const auto& pair) {
    const value& item = pair.value();
    if (wanted == Shape::numbers) return item.is_number();
    if (wanted == Shape::objects) return item.is_object();
    if (!item.is_array()) return false;
    return std::all_of(item.as_array().begin(), item.as_array().end(),
                       [](const value& v) { return v.is_string(); });
  });
}

class Walk {
 public:
  explicit Walk(const Checking& checking) : c_(checking) {}

  // `open`: the object setting that this lies below, whose own keys are anything.
  void check(object& tree, const std::string& prefix, const Setting* open) {
    for (auto& pair : tree) {
      const std::string path = prefix.empty() ? std::string(pair.key())
                                              : fmt::format("{}.{}", prefix, std::string_view(pair.key()));
      auto& item = pair.value();
      if (const Setting* setting = find_setting(path)) {
        leaf(item, *setting, path);
      } else if (has_settings_below(path)) {
        if (item.is_null()) item = object{};
        if (!item.is_object()) fail(fmt::format("{}: {} must be a mapping", c_.file, path));
        check(item.as_object(), path, open);
      } else if (open != nullptr) {
        fill(item, *open, path);
      } else {
        const std::string said =
            fmt::format("{}: there is no setting {}{}", c_.file, escape_control(path), nearest_setting(path));
        if (!c_.keep_unknown) fail(said);
        c_.warnings.push_back(said);
      }
    }
  }

 private:
  void leaf(value& item, const Setting& setting, const std::string& path) {
    if (setting.kind == SettingKind::object && item.is_object() && has_settings_below(path)) {
      check(item.as_object(), path, &setting);
      return;
    }
    fill(item, setting, path);
    auto fitting = coerce(setting, item);
    if (!fitting) fail(fmt::format("{}: {} must be {}", c_.file, path, kind_name(setting.kind)));
    item = std::move(*fitting);
    if (!is_allowed(setting, item))
      fail(fmt::format("{}: {} is {} and must be {}", c_.file, path, describe_value(setting, item),
                       described(setting)));
  }

  void fill(value& item, const Setting& setting, const std::string& path) {
    if (item.is_array())
      for (auto& inner : item.as_array()) fill(inner, setting, path);
    if (item.is_object())
      for (auto& pair : item.as_object())
        fill(pair.value(), setting, fmt::format("{}.{}", path, std::string_view(pair.key())));
    if (!item.is_string()) return;
    std::string text(item.as_string());
    for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
      const auto end = text.find('}', at);
      if (end == std::string::npos) return;
      const std::string name = text.substr(at + 2, end - at - 2);
      const auto found = c_.lookup(name);
      if (!found) {
        const std::string said = fmt::format("{}: {} refers to the environment variable {}, which is not set",
                                             c_.file, path, escape_control(name));
        if (!setting.needed_by.empty() && setting.needed_by == c_.source) fail(said);
        c_.warnings.push_back(said);
      }
      text.replace(at, end - at + 1, found.value_or(""));
      at += found ? found->size() : 0;
    }
    item = text;
  }

  const Checking& c_;
};

// Browsers take "//" and "/\\" for another server's.
bool is_own_path(std::string_view text) {
  if (text.empty()) return true;
  return text[0] == '/' && (text.size() == 1 || (text[1] != '/' && text[1] != '\\')) &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c <= 0x20 || c == 0x7F || c == '\\'; });
}

// 604800, and not 6.048e+05.
std::string number_text(double number) {
  if (std::abs(number) < 9e15 && number == std::floor(number))
    return std::to_string(static_cast<std::int64_t>(number));
  return fmt::format("{}", number);
}

}  // namespace

std::string describe_value(const Setting& setting, const value& item) {
  if (setting.secret) return "a secret";
  if (item.is_double()) return number_text(item.as_double());
  return escape_control(boost::json::serialize(item)).substr(0, 100);
}

std::string described(const Setting& setting) {
  if (!setting.one_of.empty()) return fmt::format("one of: {}", fmt::join(setting.one_of, ", "));
  if (setting.ge && setting.le)
    return fmt::format("{} from {} to {}", kind_name(setting.kind), number_text(*setting.ge),
                       number_text(*setting.le));
  if (setting.ge) return fmt::format("{}, {} or more", kind_name(setting.kind), number_text(*setting.ge));
  if (setting.le) return fmt::format("{}, {} or less", kind_name(setting.kind), number_text(*setting.le));
  switch (setting.shape) {
    case Shape::numbers:
      return "a mapping of numbers";
    case Shape::lists:
      return "a mapping of lists of texts";
    case Shape::objects:
      return "a mapping of mappings";
    case Shape::address:
    case Shape::public_address:
      return "an http or https address";
    case Shape::path:
      return "a path of this server, such as /dashboard";
    case Shape::any:
      break;
  }
  return std::string(kind_name(setting.kind));
}

bool is_allowed(const Setting& setting, const value& item) {
  if (item.is_null()) return true;
  if (setting.kind == SettingKind::object)
    return setting.shape == Shape::any || (item.is_object() && map_fits(setting.shape, item.as_object()));
  if (item.is_number()) {
    const double number = item.to_number<double>();
    if ((setting.ge && number < *setting.ge) || (setting.le && number > *setting.le)) return false;
  }
  if (setting.shape == Shape::path && item.is_string() && !is_own_path(item.as_string())) return false;
  if (setting.one_of.empty()) return true;
  const std::string text =
      item.is_string() ? std::string(item.as_string()) : fmt::format("{}", item.as_int64());
  return std::find(setting.one_of.begin(), setting.one_of.end(), text) != setting.one_of.end();
}

std::optional<value> coerce(const Setting& setting, const value& given) {
  if (given.is_null()) return value(nullptr);
  switch (setting.kind) {
    case SettingKind::text:
      if (given.is_string()) {
        for (const auto choice : setting.one_of)
          if (iequals(choice, given.as_string())) return value(choice);
        return given;
      }
      if (given.is_int64()) return value(std::to_string(given.as_int64()));
      return std::nullopt;
    case SettingKind::integer:
      if (given.is_int64()) return given;
      if (given.is_double() && given.as_double() == std::floor(given.as_double()) &&
          std::abs(given.as_double()) < 9e18)
        return value(static_cast<std::int64_t>(given.as_double()));
      if (given.is_string()) {
        if (given.as_string().empty()) return value(nullptr);
        if (const auto number = parse_int(given.as_string())) return value(*number);
      }
      return std::nullopt;
    case SettingKind::number:
      if (given.is_number()) return value(given.to_number<double>());
      if (given.is_string()) {
        if (given.as_string().empty()) return value(nullptr);
        if (const auto number = parse_double(given.as_string())) return value(*number);
      }
      return std::nullopt;
    case SettingKind::boolean:
      if (given.is_bool()) return given;
      if (given.is_string()) {
        if (given.as_string().empty()) return value(nullptr);
        if (is_truthy(given.as_string())) return value(true);
        for (const std::string_view no : {"0", "false", "no", "off"})
          if (iequals(no, given.as_string())) return value(false);
      }
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

value fallback_value(const Setting& setting) {
  return setting.fallback;
}

void check_tree(object& tree, const Checking& checking) {
  Walk(checking).check(tree, "", nullptr);
}

namespace {

void join_trees(object& base, const object& other, bool null_counts) {
  for (const auto& [key, theirs] : other) {
    auto* ours = base.if_contains(key);
    if (ours != nullptr && ours->is_object() && theirs.is_object())
      join_trees(ours->as_object(), theirs.as_object(), null_counts);
    else if (null_counts || ours == nullptr || !theirs.is_null())
      base.insert_or_assign(key, theirs);
  }
}

}  // namespace

void merge(object& base, const object& patch) {
  join_trees(base, patch, true);
}

void lay_over(object& base, const object& overlay) {
  join_trees(base, overlay, false);
}

std::vector<std::string> references(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = text.find("${", at)) != std::string_view::npos;) {
    const auto end = text.find('}', at);
    if (end == std::string_view::npos) break;
    out.emplace_back(text.substr(at + 2, end - at - 2));
    at = end;
  }
  return out;
}

std::optional<std::string> reference(const value& item) {
  if (!item.is_string()) return std::nullopt;
  const auto names = references(item.as_string());
  if (names.size() != 1 || names[0].size() + 3 != item.as_string().size()) return std::nullopt;
  return names[0];
}

std::string canonical_source(std::string_view type) {
  return type == "local" || type == "csv" || type == "files" || type.empty() ? "files" : std::string(type);
}

std::string source_of(const object& tree) {
  std::string type = env_or("DATA_SOURCE", "");
  if (const auto* part = tree.if_contains("data_source");
      type.empty() && part != nullptr && part->is_object())
    if (const auto* named = part->as_object().if_contains("type"); named != nullptr && named->is_string())
      type = std::string(named->as_string());
  return canonical_source(to_lower(type));
}

}  // namespace agnes::config
