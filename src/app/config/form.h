#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "app/config/overlay.h"

namespace agnes::config {

// The editable settings as a form shows them, by section: {kind, hint, default, options, fields, ...} each,
// nested as instance.yaml is. Kinds: string, secret, int, float, bool, select, array, map, object.
boost::json::object known_fields();

// Every setting that does something, flat: {path, kind, default, allowed, secret, editable, danger, restart, environment,
// overridden, help}.
boost::json::array setting_list(const Overlay& overlay);

// The editable sections as they are written, secrets masked, references not filled in. Where something of a section
// is set, limits that hold without being set (Rule::shown) are there with their defaults.
boost::json::object shown_sections(const Overlay& overlay);

}  // namespace agnes::config
