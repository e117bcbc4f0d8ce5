#include "core/catalog/column_metadata.h"

namespace agnes::catalog {

std::vector<ColumnMetadata> column_metadata(state::Tx& tx, std::string_view table_id) {
  return tx.rows<ColumnMetadata>(
      fmt::format("SELECT {} FROM column_metadata WHERE table_id = ? ORDER BY column_name",
                  state::column_list<ColumnMetadata>()),
      table_id);
}

void save_column_metadata(state::Tx& tx, std::vector<ColumnMetadata> columns) {
  for (auto& column : columns) column.updated_at = now();
  tx.insert("column_metadata", columns,
            "ON CONFLICT (table_id, column_name) DO UPDATE SET basetype = excluded.basetype, "
            "description = excluded.description, confidence = excluded.confidence, "
            "source = excluded.source, updated_at = excluded.updated_at");
}

}  // namespace agnes::catalog
