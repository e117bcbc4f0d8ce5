#include "lib/duck/types.h"

#include "lib/duck/api.h"

namespace agnes::duck {

bool every_part(duckdb_logical_type type, bool (*good)(duckdb_type)) {
  const auto part = [&](duckdb_logical_type owned) {
    const bool out = every_part(owned, good);
    api().destroy_logical_type(&owned);
    return out;
  };
  const auto parts = [&](idx_t count, auto type_at) {
    for (idx_t i = 0; i < count; ++i)
      if (!part(type_at(type, i))) return false;
    return true;
  };
  switch (const auto id = api().get_type_id(type)) {
    case DUCKDB_TYPE_LIST:
      return part(api().list_type_child_type(type));
    case DUCKDB_TYPE_ARRAY:
      return part(api().array_type_child_type(type));
    case DUCKDB_TYPE_MAP:
      return part(api().map_type_key_type(type)) && part(api().map_type_value_type(type));
    case DUCKDB_TYPE_STRUCT:
      return parts(api().struct_type_child_count(type), api().struct_type_child_type);
    case DUCKDB_TYPE_UNION:
      return parts(api().union_type_member_count(type), api().union_type_member_type);
    default:
      return good(id);
  }
}

}  // namespace agnes::duck
