#pragma once

#include <span>
#include <string>
#include <string_view>

namespace agnes::config {

enum class SettingKind {
  text,
  integer,
  number,
  boolean,
  list,    // of texts; a text with commas is taken as one
  object,  // free-form below this path, but for keys that are settings themselves ("ai" and "ai.base_url")
};

// Special values of Setting::allowed.
constexpr std::string_view kAddress = "<http(s) address>";
// When it is saved by an administrator it must also resolve, and to public addresses only.
constexpr std::string_view kPublicAddress = "<public http(s) address>";
constexpr std::string_view kMapOfNumbers = "<map of numbers>";
constexpr std::string_view kMapOfLists = "<map of lists>";
constexpr std::string_view kMapOfObjects = "<map of objects>";

// One setting of instance.yaml: everything about it that the reader, the API and the documentation need.
struct Setting {
  std::string_view path;  // "data_source.files.path"
  SettingKind kind;
  std::string_view fallback;     // default as YAML text; "=other.path": what that one is; empty: unset
  std::string_view environment;  // the variable that wins over the file; empty: none
  // "a|b|c": one of these; "60..3600": from, to; "0..": from 0 on; kAddress, kPublicAddress; for an object
  // kMapOf...; empty: any
  std::string_view allowed;
  bool secret;                 // never shown, logged or read back
  std::string_view needed_by;  // a source type or part whose settings must resolve: "files"; empty: optional
  std::string_view help;       // one line for docs and forms
};

// Every setting that an instance.yaml may hold; anything else in the file is an error.
std::span<const Setting> settings();
const Setting* find_setting(std::string_view path);
// Whether some setting's path continues this one.
bool has_settings_below(std::string_view path);
// What settings below this path have in common, for forms; empty when nothing is said.
std::string_view group_help(std::string_view path);
// " (is email.smtp_host meant?)" for a path that is no setting but close to one, else "".
std::string nearest_setting(std::string_view path);

// The parts of instance.yaml that an administrator may change while the server runs, in the order of the
// form.
std::span<const std::string_view> editable_sections();
// Those among them with which administrators can lock themselves out: they ask for a confirmation.
std::span<const std::string_view> danger_sections();

// Every environment variable of the contract and ours that is no setting's: name and what it does. `applies`
// is false for those of the Python implementation that mean nothing here; they are reported once at start.
struct Variable {
  std::string_view name;
  bool applies;
  std::string_view help;
};
std::span<const Variable> variables();

}  // namespace agnes::config
