#include "app/config/overlay.h"

#include <mutex>
#include <set>

#include "app/config/address.h"
#include "app/config/check.h"
#include "app/config/masks.h"
#include "lib/base/env.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {

using boost::json::object;
using boost::json::value;

constexpr std::string_view kOurs = "AGNES_SECRET_";

std::mutex& mutex() {
  static std::mutex one;
  return one;
}

object read_tree(const fs::path& file) {
  const auto content = read_file(file);
  if (!content) return {};
  value parsed;
  try {
    parsed = yaml::parse(*content, file.filename().string());
  } catch (const Error& error) {
    throw Error(
        ErrorKind::conflict,
        fmt::format(
            "{} in the folder {} cannot be read ({}), so nothing was changed; repair it, or move it away",
            file.filename().string(), file.parent_path().filename().string(), error.what()));
  }
  if (parsed.is_null()) return {};
  if (!parsed.is_object())
    throw Error(
        ErrorKind::conflict,
        fmt::format("{} in the folder {} is not a mapping of settings, so nothing was changed; repair "
                    "it, or move it away",
                    file.filename().string(), file.parent_path().filename().string()));
  return std::move(parsed.as_object());
}

void collect_references(const value& item, std::multiset<std::string>& out) {
  if (const auto* text = item.if_string()) {
    for (auto& name : references(*text)) out.insert(std::move(name));
  } else if (const auto* list = item.if_array()) {
    for (const auto& entry : *list) collect_references(entry, out);
  } else if (const auto* map = item.if_object()) {
    for (const auto& pair : *map) collect_references(pair.value(), out);
  }
}

using Secrets = std::map<std::string, std::string>;

// The same tree with references to known secrets filled in, to see whether a secret changed.
value resolved(const value& item, const Secrets& secrets) {
  if (const auto name = reference(item)) {
    const auto found = secrets.find(*name);
    return found == secrets.end() ? item : value(found->second);
  }
  if (const auto* list = item.if_array()) {
    boost::json::array out;
    for (const auto& entry : *list) out.push_back(resolved(entry, secrets));
    return out;
  }
  if (!item.is_object()) return item;
  object out;
  for (const auto& [key, below] : item.as_object()) out[key] = resolved(below, secrets);
  return out;
}

std::string upper_name(std::string_view path) {
  std::string out(kOurs);
  for (const char c : path.substr(0, 100)) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 && byte < 0x80)
      out += static_cast<char>(std::toupper(byte));
    else if (out.back() != '_')
      out += '_';
  }
  return out;
}

// Takes the secrets out of a tree: each goes to a variable, and ${ITS_NAME} stays.
class Extraction {
 public:
  Extraction(const Secrets& known, std::multiset<std::string> used) : known_(known), used_(std::move(used)) {}

  void take(value& item, const std::string& path, bool secret) {
    secret = secret || is_secret(path, item);
    if (auto* list = item.if_array()) {
      for (std::size_t i = 0; i < list->size(); ++i)
        take((*list)[i], fmt::format("{}[{}]", path, i), secret && (*list)[i].is_string());
    } else if (auto* map = item.if_object()) {
      for (auto& pair : *map) take(pair.value(), path_below(path, pair.key()), secret);
    } else {
      leaf(item, path, secret);
    }
  }
  std::map<std::string, std::optional<std::string>> changes;

 private:
  void leaf(value& item, const std::string& path, bool secret) {
    const Setting* setting = find_setting(path);
    const std::string variable = setting != nullptr ? std::string(setting->environment) : "";
    const auto name_now = reference(item);
    const bool literal = secret && item.is_string() && !item.as_string().empty() && !name_now;
    if (!literal) {
      // What is in the file now must not be hidden by what a variable kept from before says.
      if (!variable.empty() && known_.contains(variable) && name_now != variable)
        changes[variable] = std::nullopt;
      return;
    }
    const std::string text(item.as_string());
    std::string name = variable;
    if (name.empty()) {
      // Another name for another secret: the file that names it decides, in one step, which one holds.
      const std::string stem = upper_name(path);
      name = stem;
      for (int n = 2; used_.contains(name) || known_.contains(name) || changes.contains(name); ++n)
        name = fmt::format("{}_{}", stem, n);
    }
    changes[name] = text;
    item = fmt::format("${{{}}}", name);
  }

  const Secrets& known_;
  std::multiset<std::string> used_;
};

class Problems {
 public:
  void section(const object& tree, const std::string& path, bool open) {
    for (const auto& [key, item] : tree) {
      const std::string below = path_below(path, key);
      if (const Setting* setting = find_setting(below))
        leaf(item, *setting, below);
      else if (has_settings_below(below))
        group(item, below, open);
      else if (open)
        free(item, below);
      else
        add(below, fmt::format("is not a setting{}", nearest_setting(below)));
    }
  }
  std::vector<std::string> found;

 private:
  void add(const std::string& path, const std::string& said) {
    found.push_back(fmt::format("{} {}", escape_control(path), said));
  }

  void group(const value& item, const std::string& path, bool open) {
    if (const auto* map = item.if_object())
      section(*map, path, open);
    else if (!item.is_null())
      add(path, "must be a mapping");
  }

  void leaf(const value& item, const Setting& setting, const std::string& path) {
    if (item.is_null()) return;
    if (setting.kind == SettingKind::object && has_settings_below(path)) {
      if (const auto* map = item.if_object())
        section(*map, path, true);
      else
        add(path, "must be a mapping");
      return;
    }
    if (reference(item)) return check_references(item, path);
    const auto fitting = coerce(setting, item);
    const bool as_it_is =
        fitting && (fitting->kind() == item.kind() || (fitting->is_number() && item.is_number()) ||
                    setting.kind == SettingKind::list);
    if (!as_it_is || !is_allowed(setting, *fitting)) return add(path, "must be " + described(setting));
    check_references(item, path);
  }

  void free(const value& item, const std::string& path) {
    if (const auto* map = item.if_object())
      section(*map, path, true);
    else
      check_references(item, path);
  }

  // A secret may be referred to where it stays one; elsewhere it would be shown.
  void check_references(const value& item, const std::string& path) {
    if (is_secret(path, item)) return;
    std::multiset<std::string> names;
    collect_references(item, names);
    for (const auto& name : names)
      if (is_secret(name, item)) add(path, fmt::format("must not show the secret {}", escape_control(name)));
  }
};

// Addresses among what was sent, held against what their settings allow.
void check_addresses(const object& tree, const std::string& path) {
  for (const auto& [key, item] : tree) {
    const std::string below = path_below(path, key);
    if (const auto* map = item.if_object()) check_addresses(*map, below);
    const Setting* setting = find_setting(below);
    if (setting == nullptr || !item.is_string() || item.as_string().empty() ||
        !references(item.as_string()).empty())
      continue;
    if (setting->shape == Shape::public_address) public_addresses_of(item.as_string(), below);
    if (setting->shape == Shape::address) host_of_address(item.as_string(), below);
  }
}

bool holds(const object& tree, std::string_view path) {
  const auto dot = path.find('.');
  const auto* found = tree.if_contains(path.substr(0, dot));
  if (found == nullptr || dot == std::string_view::npos) return found != nullptr;
  return found->is_object() && holds(found->as_object(), path.substr(dot + 1));
}

void take_out(object& tree, std::string_view path) {
  object* at = &tree;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    auto* next = at->if_contains(path.substr(0, dot));
    if (next == nullptr || !next->is_object()) return;
    at = &next->as_object();
    path.remove_prefix(dot + 1);
  }
  if (const auto found = at->find(path); found != at->end()) at->stable_erase(found);
}

object laid_over(object base, const object& overlay) {
  lay_over(base, overlay);
  return base;
}

// The server must start with what is about to be written.
void try_start(const std::string& text, const Secrets& secrets) {
  value tree = yaml::parse(text, "the new settings");
  std::vector<std::string> warnings;
  const std::string source = source_of(tree.as_object());
  check_tree(tree.as_object(), {.file = "the new settings",
                                .source = source,
                                .keep_unknown = true,
                                .lookup = [&](const std::string& name) -> std::optional<std::string> {
                                  if (const auto outside = env(name.c_str())) return outside;
                                  const auto found = secrets.find(name);
                                  return found == secrets.end() ? std::nullopt : std::optional(found->second);
                                },
                                .warnings = warnings});
}

}  // namespace

std::vector<std::string> problems_of(const object& sections) {
  Problems problems;
  problems.section(sections, "", false);
  return std::move(problems.found);
}

Overlay::Overlay(const Places& places)
    : base_(places.config / "instance.yaml"),
      overlay_(places.state / "instance.yaml"),
      env_overlay_(places.state / ".env_overlay"),
      secrets_(places.state),
      secrets_at_start_(secrets_.read()),
      started_with_(fingerprint()) {}

std::optional<std::string> Overlay::overriding(const Setting& setting) const {
  if (setting.environment.empty()) return std::nullopt;
  const std::string name(setting.environment);
  const auto outside = env(name.c_str());
  const auto ours = secrets_at_start_.find(name);
  if (!outside || (ours != secrets_at_start_.end() && ours->second == *outside)) return std::nullopt;
  return name;
}

object Overlay::written() const {
  return laid_over(read_tree(base_), read_tree(overlay_));
}

Overlay::SaveResult Overlay::save(const object& sections, const std::vector<std::string>& cleared) {
  if (const auto problems = problems_of(sections); !problems.empty())
    throw Error(ErrorKind::invalid, join(problems, "; "));
  check_addresses(sections, "");

  const std::lock_guard lock(mutex());
  const object base = read_tree(base_);
  const object old_overlay = read_tree(overlay_);
  const object before = laid_over(base, old_overlay);
  const Secrets known = secrets_.read();

  object overlay = old_overlay;
  for (const auto& path : cleared) take_out(overlay, path);
  const object patch = unmasked(sections, before, "");
  merge(overlay, patch);
  std::multiset<std::string> used;
  collect_references(before, used);
  Extraction extraction(known, std::move(used));
  for (const auto& pair : sections)
    if (auto* section = overlay.if_contains(pair.key()))
      extraction.take(*section, std::string(pair.key()), false);

  Secrets secrets = known;
  auto& changes = extraction.changes;
  for (const auto& [name, text] : changes) {
    if (text)
      secrets[name] = *text;
    else
      secrets.erase(name);
  }
  const object after = laid_over(base, overlay);
  const std::string text = yaml::to_text(overlay);
  try_start(yaml::to_text(after), secrets);

  SaveResult saved;
  saved.diff = differences(resolved(before, known).as_object(), resolved(after, secrets).as_object());
  for (const auto& setting : settings())
    if (const auto name = overriding(setting); name && holds(sections, setting.path))
      saved.overridden.push_back(fmt::format("{} ({})", setting.path, *name));
  // Secrets first: what refers to them must find them.
  if (!changes.empty()) secrets_.change(changes);
  replace_file(overlay_, text, 0600);

  std::multiset<std::string> still;
  collect_references(after, still);
  std::map<std::string, std::optional<std::string>> unused;
  for (const auto& pair : secrets)
    if (pair.first.starts_with(kOurs) && !still.contains(pair.first)) unused[pair.first] = std::nullopt;
  if (!unused.empty()) secrets_.change(unused);
  return saved;
}

bool Overlay::restart_pending() const {
  return fingerprint() != started_with_;
}

std::string Overlay::fingerprint() const {
  std::string all;
  for (const auto& file : {base_, overlay_, env_overlay_}) all += sha256(read_file(file).value_or(""));
  return all;
}

}  // namespace agnes::config
