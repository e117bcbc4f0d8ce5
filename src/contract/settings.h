#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// The configuration as administrators see and change it: /api/admin/server-config.
namespace agnes::contract {

struct Setting {
  std::string path, kind;
  boost::json::value default_;
  std::optional<std::string> allowed;
  bool secret = false, editable = false, danger = false, restart = false;
  std::optional<std::string> environment;
  bool overridden = false;
  std::string help;
  static constexpr json::Rule rules[] = {
      {.field = "default_", .description = "Of the setting's kind; null: there is none"}};
};
BOOST_DESCRIBE_STRUCT(Setting, (),
                      (path, kind, default_, allowed, secret, editable, danger, restart, environment,
                       overridden, help))

struct Settings {
  std::map<std::string, boost::json::object> sections;
  std::vector<std::string> editable_sections, danger_sections, secret_key_patterns;
  std::map<std::string, boost::json::object> known_fields;
  std::vector<Setting> settings;
  bool restart_pending = false;
  static constexpr json::Rule rules[] = {
      {.field = "sections",
       .description = "What is set, by section, as instance.yaml has it; secrets masked"},
      {.field = "known_fields",
       .description = "By section and name: kind, hint, default, options, and the fields of an object"}};
};
BOOST_DESCRIBE_STRUCT(Settings, (),
                      (sections, editable_sections, danger_sections, secret_key_patterns, known_fields,
                       settings, restart_pending))

struct ChangeSettings {
  std::map<std::string, boost::json::object> sections;
  bool confirm_danger = false;
  static constexpr json::Rule rules[] = {
      {.field = "sections",
       .description = "By section: what to change. Masked secrets stay as they are",
       .has_default = true},
      {.field = "confirm_danger",
       .description = "Needed for the sections auth and server",
       .has_default = true},
  };
};
BOOST_DESCRIBE_STRUCT(ChangeSettings, (), (sections, confirm_danger))

struct SettingsChanged {
  std::string status = "ok";
  bool restart_required = true;
  std::vector<std::string> sections_updated;
  std::size_t diff_count = 0;
  std::vector<std::string>
      overridden;  // "email.smtp_host (SMTP_HOST)": the environment goes before what was saved
};
BOOST_DESCRIBE_STRUCT(SettingsChanged, (),
                      (status, restart_required, sections_updated, diff_count, overridden))

}  // namespace agnes::contract
