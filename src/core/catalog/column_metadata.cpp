#include "core/catalog/column_metadata.h"

#include "lib/duck/rows.h"

namespace agnes::catalog {

std::vector<ColumnMetadata> column_metadata(duck::Connection& connection, std::string_view table_id) {
  return duck::rows<ColumnMetadata>(
      connection,
      fmt::format("SELECT {} FROM column_metadata WHERE table_id = ? ORDER BY column_name",
                  duck::column_list<ColumnMetadata>()),
      table_id);
}

void save_column_metadata(duck::Connection& connection, std::vector<ColumnMetadata> columns) {
  for (auto& column : columns) column.updated_at = now();
  duck::insert_rows(connection, "column_metadata", columns,
                    "ON CONFLICT (table_id, column_name) DO UPDATE SET basetype = excluded.basetype, "
                    "description = excluded.description, confidence = excluded.confidence, "
                    "source = excluded.source, updated_at = excluded.updated_at");
}

}  // namespace agnes::catalog
