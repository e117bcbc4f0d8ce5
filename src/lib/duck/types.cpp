#include "lib/duck/types.h"

#include <algorithm>

#include "lib/duck/api.h"

namespace agnes::duck {

namespace {

std::string taken(char* text) {
  std::string out = text != nullptr ? text : "";
  api().free(text);
  return out;
}

Type taken(duckdb_logical_type logical) {
  return Type(LogicalType(logical).get());
}

}  // namespace

LogicalType::~LogicalType() {
  if (handle_ != nullptr) api().destroy_logical_type(&handle_);
}

Type::Type(duckdb_logical_type logical) : id(api().get_type_id(logical)) {
  switch (id) {
    case DUCKDB_TYPE_DECIMAL:
      stored = api().decimal_internal_type(logical);
      scale = api().decimal_scale(logical);
      break;
    case DUCKDB_TYPE_ENUM:
      stored = api().enum_internal_type(logical);
      for (idx_t i = 0; i < api().enum_dictionary_size(logical); ++i)
        names.push_back(taken(api().enum_dictionary_value(logical, i)));
      break;
    case DUCKDB_TYPE_LIST:
      children.push_back(taken(api().list_type_child_type(logical)));
      break;
    case DUCKDB_TYPE_ARRAY:
      children.push_back(taken(api().array_type_child_type(logical)));
      length = api().array_type_array_size(logical);
      break;
    case DUCKDB_TYPE_MAP:
      children.push_back(taken(api().map_type_key_type(logical)));
      children.push_back(taken(api().map_type_value_type(logical)));
      break;
    case DUCKDB_TYPE_STRUCT:
      for (idx_t i = 0; i < api().struct_type_child_count(logical); ++i) {
        children.push_back(taken(api().struct_type_child_type(logical, i)));
        names.push_back(taken(api().struct_type_child_name(logical, i)));
      }
      break;
    case DUCKDB_TYPE_UNION:
      for (idx_t i = 0; i < api().union_type_member_count(logical); ++i) {
        children.push_back(taken(api().union_type_member_type(logical, i)));
        names.push_back(taken(api().union_type_member_name(logical, i)));
      }
      break;
    default:
      break;
  }
}

bool Type::every_part(bool (*good)(duckdb_type)) const {
  switch (id) {
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_UNION:
      return std::all_of(children.begin(), children.end(),
                         [&](const Type& child) { return child.every_part(good); });
    default:
      return good(id);
  }
}

bool is_common(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
    case DUCKDB_TYPE_UUID:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIME:
    case DUCKDB_TYPE_TIME_NS:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_INTERVAL:
    case DUCKDB_TYPE_SQLNULL:
      return true;
    default:
      return false;
  }
}

Type column_type(Result& result, std::size_t column) {
  return taken(api().column_logical_type(result.handle(), column));
}

}  // namespace agnes::duck
