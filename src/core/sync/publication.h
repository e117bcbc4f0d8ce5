#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/catalog/generation.h"
#include "core/catalog/registry.h"
#include "core/extracts/extract_reader.h"
#include "core/sync/sync_state.h"
#include "lib/base/text.h"

namespace agnes::sync {

// The tables of the next generation: what the extracts hold, named and described by the registry, and registered tables
// that no extract has. A pure function.
std::vector<catalog::Table> next_tables(const extracts::Catalogue& catalogue,
                                        const std::vector<catalog::Registration>& registered,
                                        const std::vector<SyncState>& states);

// Lower-cased names: what tables are matched by.
template <class Rows, class Name>
auto by_name(const Rows& rows, Name name) {
  std::unordered_map<std::string, const typename Rows::value_type*> out;
  for (const auto& row : rows) out.emplace(to_lower(name(row)), &row);
  return out;
}

}  // namespace agnes::sync
