#pragma once

#include <string>
#include <string_view>

#include "app/config/config.h"
#include "core/catalog/registry.h"

// What a registration must be as a whole: what its source, its mode and its strategy can do together. What a
// single field must be is said where the bodies of the routes are, and what holds for one source is the source's:
// SourceKind::place.
namespace agnes::catalog {

// What is wrong with a table's name, "" when nothing is: 1 to 128 letters, digits, '_', '.', '-' and spaces,
// the first of them a letter, a digit or '_'.
std::string name_problem(std::string_view name);

// Whether a text is there and not blank.
bool given(const std::optional<std::string>& text);

// Whether the settings name a source of this type: it is the server's own, or something below
// data_source.<type> is set. On a server without a source of tables (files, no other set up yet) each type
// counts as configured, so that tables can be registered before their source is. Throws Error (invalid)
// naming what to set.
void refuse_unconfigured(std::string_view source_type, const config::Config& settings);

// Mode, query, strategy and filters must fit each other. Throws Error (invalid) naming the fields.
void refuse_incoherent(const Registration& row);

}  // namespace agnes::catalog
