#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "app/config/settings.h"

// What the reader of instance.yaml and its editor share: values held against the table of settings.
namespace agnes::config {

// Where the value of an environment variable comes from.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

// "a whole number from 60 to 604800", "one of a, b, c": what a setting must be, for messages.
std::string described(const Setting& setting);

// A value for a message: its JSON, at most 100 characters; of a secret nothing.
std::string describe_value(const Setting& setting, const boost::json::value& item);

// Whether a value of the right kind is one that the setting allows. Addresses are not looked at.
bool is_allowed(const Setting& setting, const boost::json::value& item);

// A value as its setting wants it, or nothing when it cannot be. Texts may stand for numbers, booleans and
// lists: that is what ${VARIABLES} become.
std::optional<boost::json::value> coerce(const Setting& setting, const boost::json::value& given);

// The setting's default; null when it has none, or another setting's.
boost::json::value fallback_value(const Setting& setting);

struct Checking {
  std::string file;           // for messages
  std::string source;         // whose settings must resolve: "files", for one
  bool keep_unknown = false;  // a setting that does not exist is a warning, not an error
  Lookup lookup;
  std::vector<std::string>& warnings;
};
// Walks a file's tree: every leaf must be a setting, or below an object, and of its kind; ${VARIABLES} are
// filled in. Throws Error (invalid) naming file and setting.
void check_tree(boost::json::object& tree, const Checking& checking);

// Deep: objects are joined, anything else is replaced.
void merge(boost::json::object& base, const boost::json::object& patch);
// The same for the settings that administrators saved over the operator's: null there takes nothing away, it says
// that the operator's counts.
void lay_over(boost::json::object& base, const boost::json::object& overlay);

// "NAME" when the whole text is "${NAME}", else nothing.
std::optional<std::string> reference(const boost::json::value& item);
// The names of all ${VARIABLES} in a text.
std::vector<std::string> references(std::string_view text);

// "local" and "csv" are "files".
std::string canonical_source(std::string_view type);
// The source that a tree names, after the variable DATA_SOURCE.
std::string source_of(const boost::json::object& tree);

}  // namespace agnes::config
