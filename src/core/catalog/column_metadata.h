#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "app/config/config.h"
#include "contract/metadata.h"
#include "core/catalog/registry.h"
#include "core/state/tx.h"
#include "lib/base/time.h"

// What people know of a table's columns beyond their names and types.
namespace agnes::catalog {

// A row of column_metadata.
using contract::ColumnMetadata;

// Each runs in the caller's transaction or read. Sorted by the column's name.
std::vector<ColumnMetadata> column_metadata(state::Tx& tx, std::string_view table_id);
// Adds or replaces each, whole; sets updated_at. No column may be there twice.
void save_column_metadata(state::Tx& tx, std::vector<ColumnMetadata> columns);

// What became of telling a table's source about its columns.
struct PushedColumns {
  std::int64_t pushed = 0;
  std::vector<std::string> errors;  // a line a column that was not taken
};
// Of a kind of source (source_kind.h). Throws Error (bad_request) naming the settings that are missing. Thread-safe.
using PushColumns = PushedColumns (*)(const config::Config&, const Registration&,
                                      const std::vector<ColumnMetadata>&);

}  // namespace agnes::catalog
