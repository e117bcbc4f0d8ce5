#pragma once

#include <vector>

#include "core/catalog/generation.h"
#include "core/extracts/extract_reader.h"
#include "core/sync/registry_snapshot.h"

namespace agnes::sync {

// The tables of the next generation: what the extracts hold, named and described by the registry, and registered tables
// that no extract has. A pure function.
std::vector<catalog::Table> next_tables(const extracts::Catalogue& catalogue,
                                        const RegistrySnapshot& registry);

// The extract that a registered table is of, and no other, whatever names it has. "" for any: `local` is what tables of the
// Python implementation's custom extracts are registered as.
std::string home_of(const catalog::Registration& row);

// Whether the table has rows here, rather than in an engine elsewhere.
bool holds_data(const extracts::CatalogueTable& table);

}  // namespace agnes::sync
