#pragma once

#include <string>
#include <string_view>

#include "app/config/config.h"
#include "core/catalog/registry.h"

// What a registration must be as a whole: what its source, its mode and its strategy can do together. What a
// single field must be is said where the bodies of the routes are.
namespace agnes::catalog {

// What is wrong with a table's name, "" when nothing is: 1 to 128 letters, digits, '_', '.', '-' and spaces,
// the first of them a letter, a digit or '_'.
std::string name_problem(std::string_view name);

// Google's rule for project ids, with the older "example.com:project".
bool is_project_id(std::string_view id);

// Whether the settings name a source of this type: it is the server's own, or something below
// data_source.<type> is set. On a server without a source of tables (files, no other set up yet) each type
// counts as configured, so that tables can be registered before their source is. Throws Error (invalid)
// naming what to set.
void refuse_unconfigured(std::string_view source_type, const config::Config& settings);

// Mode, query, strategy and filters must fit each other. Throws Error (invalid) naming the fields.
void refuse_incoherent(const Registration& row);

// Where the source has the table: fills in what follows from the rest (BigQuery: the mode `remote`, and the
// query of a materialized table that names only dataset and table), and refuses what the source cannot find.
// Throws Error naming the field: `invalid` for one that is missing, `bad_request` for one that is impossible,
// as the contract has it.
void place_at_source(Registration& row, const config::Config& settings);

}  // namespace agnes::catalog
