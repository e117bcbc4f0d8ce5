#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// What people know of a table's columns beyond their names and types: /api/admin/metadata.
namespace agnes::contract {

// The column need not be there (yet).
struct ColumnMetadata {
  std::string table_id, column_name;
  std::optional<std::string>
      basetype;  // the source's word: STRING, INTEGER, NUMERIC, FLOAT, BOOLEAN, DATE, TIMESTAMP
  std::optional<std::string> description;
  std::optional<std::string> confidence, source;  // "manual" unless a proposal said otherwise
  std::optional<Timestamp> updated_at;
};
BOOST_DESCRIBE_STRUCT(ColumnMetadata, (),
                      (table_id, column_name, basetype, description, confidence, source, updated_at))
struct TableColumns {
  std::string table_id;
  std::vector<ColumnMetadata> columns;
};
BOOST_DESCRIBE_STRUCT(TableColumns, (), (table_id, columns))

struct ColumnsPushed {
  std::string status;
  std::int64_t pushed = 0;
  std::vector<std::string> errors;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(ColumnsPushed, (), (status, pushed, errors, message))

}  // namespace agnes::contract
