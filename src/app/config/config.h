#pragma once

#include <cstdint>
#include <filesystem>
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
};

// Everything that an operator has set: config/instance.yaml, over it the overlay state/instance.yaml, over
// both the environment. Immutable once read; values have been checked against the table of settings.
class Config {
 public:
  // Throws Error (one line naming file, setting and cause) for YAML that cannot be read, a setting that does
  // not exist, a value of the wrong type, and a ${VARIABLE} that is unset where the value is needed. Missing
  // files are fine: everything has a default. `state/.env_overlay` (NAME=value lines) is read into the
  // environment first.
  static Config load(const Places& places);
  // What the next start would load, without touching the environment: for a server that runs.
  static Config read(const Places& places);

  const Places& places() const { return places_; }

  // By the setting's path. Asking for a path that is not in the table, or as another type, is a fault of
  // ours.
  std::string text(std::string_view path) const;
  std::optional<std::int64_t> integer(std::string_view path) const;
  std::int64_t integer_or(std::string_view path, std::int64_t fallback) const;
  double number(std::string_view path) const;
  bool boolean(std::string_view path) const;
  std::vector<std::string> list(std::string_view path) const;
  boost::json::object object(std::string_view path) const;

  // files, keboola or bigquery.
  std::string source() const;
  // Whether the address at `path` comes from an administrator, over HTTP, and may lead to public networks
  // only (kPublicAddress): hold it to that whenever it is used, for what a name resolves to changes. What the
  // operator wrote into instance.yaml or the environment may lead anywhere.
  bool must_be_public(std::string_view path) const { return public_only_.contains(path); }
  // What an operator should know but which stops nothing: unused variables, references to unset ones.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  const boost::json::value* find(std::string_view path) const;

  Places places_;
  boost::json::object tree_;
  std::set<std::string, std::less<>> public_only_;
  std::vector<std::string> warnings_;
};

}  // namespace agnes::config
