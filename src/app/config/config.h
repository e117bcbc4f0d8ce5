#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "app/config/settings.h"
#include "lib/yaml/yaml.h"

namespace agnes::config {

namespace fs = std::filesystem;

// Where a server keeps and finds things.
struct Places {
  fs::path data;    // --data-dir, DATA_DIR, ./data
  fs::path config;  // --config-dir, CONFIG_DIR, ./config
  fs::path state;   // STATE_DIR, data/state

  fs::path extracts() const { return data / "extracts"; }
  fs::path analytics() const { return data / "analytics" / "server.duckdb"; }
  // Folders that only the server's own account may read, and what people call each. Some may not be there.
  std::vector<std::pair<const char*, fs::path>> private_folders() const {
    return {{"state", state},
            {"extracts", extracts()},
            {"analytics", analytics().parent_path()},
            {"uploads", data / "user_sessions"},
            {"uploads", data / "user_artifacts"},
            {"uploads", data / "user_local_md"}};
  }
};

// Everything that an operator has set: config/instance.yaml, over it the overlay state/instance.yaml, over
// both the environment. Immutable once read; values have been checked against the settings that the program's
// modules declare (schema.h): what is accepted is what is in force.
class Config {
 public:
  // Throws Error (one line naming file, setting and cause) for YAML that cannot be read, a setting that does
  // not exist, a value of the wrong type or out of range, and a ${VARIABLE} that is unset where the value is needed. Missing
  // files are fine: everything has a default. `state/.env_overlay` (NAME=value lines) is read into the
  // environment first.
  static Config load(const Places& places);
  // What the next start would load, without touching the environment: for a server that runs.
  static Config read(const Places& places);

  const Places& places() const { return places_; }

  // The settings of a declared struct (settings.h): what is set, else the members' defaults. Throws std::logic_error
  // when no module has declared it.
  template <detail::Struct T>
  T get() const {
    T out{};
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto member) {
      const Rule& rule = detail::rule_of(T::kRules, member.name);
      if (const auto* found = value_of(detail::path_of<T>(rule), rule))
        detail::assign(out.*member.pointer, *found);
    });
    return out;
  }

  // Whether something that is not empty is set for the setting with this path.
  bool is_given(std::string_view path) const;
  // "files", or another type that a connector has declared (Schema::add_source).
  std::string source() const;
  // Whether the address at `path` comes from an administrator, over HTTP, and may lead to public networks
  // only (kPublicAddress): hold it to that whenever it is used, for what a name resolves to changes. What the
  // operator wrote into instance.yaml or the environment may lead anywhere.
  bool must_be_public(std::string_view path) const { return public_only_.contains(path); }
  // What an operator should know but which stops nothing: unused variables, references to unset ones.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // What is set, in files and variables, of features that this server does not have: names. It does nothing.
  const std::vector<std::string>& unbuilt() const { return unbuilt_; }

 private:
  const boost::json::value* find(std::string_view path) const;
  // What the setting of a member is set to, or one that it is the same as; null: nothing.
  const boost::json::value* value_of(const std::string& path, const Rule& rule) const;
  void take_variables(const std::map<std::string, std::string>& saved, const boost::json::object& overlay);

  Places places_;
  boost::json::object tree_;
  boost::json::object variables_;  // settings without a path, by variable
  std::set<std::string, std::less<>> public_only_;
  std::vector<std::string> warnings_, unbuilt_;
};

}  // namespace agnes::config
