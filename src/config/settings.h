#pragma once

#include <span>
#include <string_view>

namespace agnes::config {

enum class SettingKind {
  text,
  integer,
  number,
  boolean,
  list,    // of texts; a text with commas is taken as one
  object,  // free-form below this path: its keys belong to operators (themes, data sets, users)
};

// One setting of instance.yaml: everything about it that the reader, the API and the documentation need.
struct Setting {
  std::string_view path;           // "data_source.files.path"
  SettingKind kind;
  std::string_view fallback;       // default as YAML text; empty: unset
  std::string_view environment;    // the variable that wins over the file; empty: none
  std::string_view allowed;        // "a|b|c"; empty: any
  bool secret;                     // never shown, logged or read back
  std::string_view needed_by;      // a source type or part whose settings must resolve: "files"; empty: optional
  std::string_view help;           // one line for docs and forms
};

// Every setting that an instance.yaml may hold; anything else in the file is an error.
std::span<const Setting> settings();
const Setting* find_setting(std::string_view path);

// Every environment variable of the contract and ours that is no setting's: name and what it does. `applies` is false
// for those of the Python implementation that mean nothing here; they are reported once at start.
struct Variable {
  std::string_view name;
  bool applies;
  std::string_view help;
};
std::span<const Variable> variables();

}  // namespace agnes::config
