#include "app/config/masks.h"

#include <set>

#include "app/config/settings.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr std::string_view kMask = "***", kEmpty = "<empty>";

value mask(const value& item) {
  const bool empty = item.is_null() || (item.is_string() && item.as_string().empty());
  return value(empty ? kEmpty : kMask);
}

bool is_mask(const std::string& path, const value& item) {
  return item.is_string() && (item.as_string() == kMask || item.as_string() == kEmpty) &&
         is_secret(path, item);
}

std::string entry_path(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

bool has_mask(const std::string& path, const value& item) {
  if (is_mask(path, item)) return true;
  if (const auto* map = item.if_object())
    return std::any_of(map->begin(), map->end(), [&](const auto& pair) {
      return has_mask(path_below(path, pair.key()), pair.value());
    });
  if (const auto* list = item.if_array())
    return std::any_of(list->begin(), list->end(),
                       [&](const value& entry) { return has_mask(path + "[]", entry); });
  return false;
}

value unmasked_list(const array& given, const value* stored, const std::string& path);

// Within a list: nothing is merged later, so every masked secret is put back here.
value restored(const value& given, const value* stored, const std::string& path) {
  if (is_mask(path, given)) {
    if (stored == nullptr)
      throw Error(ErrorKind::invalid,
                  fmt::format("{} is masked, but no secret is stored for it; give the secret itself",
                              escape_control(path)));
    return *stored;
  }
  if (const auto* list = given.if_array()) return unmasked_list(*list, stored, path);
  if (!given.is_object()) return given;
  object out;
  for (const auto& [key, item] : given.as_object())
    out[key] = restored(
        item, stored != nullptr && stored->is_object() ? stored->as_object().if_contains(key) : nullptr,
        path_below(path, key));
  return out;
}

value unmasked_list(const array& given, const value* stored, const std::string& path) {
  const array none;
  const array& old = stored != nullptr && stored->is_array() ? stored->as_array() : none;
  std::vector<const value*> counterpart(given.size(), nullptr);
  std::set<std::size_t> taken;
  std::vector<bool> masked_entry;
  for (const auto& entry : given) masked_entry.push_back(has_mask(path + "[]", entry));
  for (std::size_t i = 0; i < given.size(); ++i)
    for (std::size_t j = 0; masked_entry[i] && counterpart[i] == nullptr && j < old.size(); ++j)
      if (!taken.contains(j) && masked(old[j], path + "[]") == given[i]) {
        counterpart[i] = &old[j];
        taken.insert(j);
      }
  for (std::size_t i = 0; given.size() == old.size() && i < given.size(); ++i)
    if (masked_entry[i] && counterpart[i] == nullptr && taken.insert(i).second) counterpart[i] = &old[i];
  array out;
  for (std::size_t i = 0; i < given.size(); ++i)
    out.push_back(masked_entry[i] ? restored(given[i], counterpart[i], entry_path(path, i)) : given[i]);
  return out;
}

void compare(const value& before, const value& after, const std::string& path, array& out) {
  const value nothing;
  const auto* old = before.if_object();
  const auto* now = after.if_object();
  if ((old != nullptr && (now != nullptr || after.is_null())) || (now != nullptr && before.is_null())) {
    std::set<std::string> keys;
    for (const object* side : {old, now})
      if (side != nullptr)
        for (const auto& pair : *side) keys.insert(std::string(pair.key()));
    const auto of = [&](const object* side, const std::string& key) -> const value& {
      const auto* found = side != nullptr ? side->if_contains(key) : nullptr;
      return found != nullptr ? *found : nothing;
    };
    for (const auto& key : keys) compare(of(old, key), of(now, key), path_below(path, key), out);
  } else if (before != after) {
    out.push_back({{"path", path}, {"before", masked(before, path)}, {"after", masked(after, path)}});
  }
}

}  // namespace

std::string path_below(std::string_view path, std::string_view key) {
  std::string last(key);
  std::replace(last.begin(), last.end(), '.', '/');
  return path.empty() ? last : fmt::format("{}.{}", path, last);
}

bool is_secret(std::string_view path, const value& item) {
  if (const auto* setting = find_setting(path)) return setting->secret;
  if (item.is_bool()) return false;
  // An entry of a list is as secret as the list.
  if (path.ends_with(']') && (item.is_object() || item.is_array())) return false;
  const std::string key = to_lower(path.substr(path.rfind('.') + 1));
  // How many or how long is no secret.
  if (item.is_number())
    for (const std::string_view count :
         {"tokens", "_seconds", "_minutes", "_hours", "_days", "_ms", "_length", "_count", "_limit"})
      if (key.ends_with(count)) return false;
  return std::any_of(std::begin(kSecretPatterns), std::end(kSecretPatterns),
                     [&](std::string_view pattern) { return key.find(pattern) != std::string::npos; });
}

value masked(const value& tree, const std::string& path) {
  if (is_secret(path, tree)) return mask(tree);
  if (const auto* list = tree.if_array()) {
    array out;
    for (const auto& entry : *list) out.push_back(masked(entry, path + "[]"));
    return out;
  }
  if (!tree.is_object()) return tree;
  object out;
  for (const auto& [key, item] : tree.as_object()) out[key] = masked(item, path_below(path, key));
  return out;
}

object unmasked(const object& given, const object& stored, const std::string& path) {
  object out;
  for (const auto& [key, item] : given) {
    const std::string below = path_below(path, key);
    if (is_mask(below, item)) continue;
    const value* old = stored.if_contains(key);
    if (const auto* list = item.if_array())
      out[key] = unmasked_list(*list, old, below);
    else if (const auto* map = item.if_object())
      out[key] = unmasked(*map, old != nullptr && old->is_object() ? old->as_object() : object{}, below);
    else
      out[key] = item;
  }
  return out;
}

array differences(const object& before, const object& after) {
  array out;
  compare(before, after, "", out);
  return out;
}

}  // namespace agnes::config
