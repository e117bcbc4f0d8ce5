#include "core/catalog/table_resource.h"

#include "lib/base/json.h"

namespace agnes::catalog {

namespace {

struct TableRow {
  std::string id, name, bucket;
  std::optional<std::string> source_type, query_mode, description;
};
BOOST_DESCRIBE_STRUCT(TableRow, (), (id, name, bucket, source_type, query_mode, description))

bool table_exists(state::Tx& tx, const std::string& id) {
  return tx.scalar<std::int64_t>("SELECT count(*) FROM table_registry WHERE id = ?", id) > 0;
}

boost::json::array table_blocks(state::Tx& tx) {
  boost::json::array blocks;
  for (const auto& row : tx.rows<TableRow>(
           "SELECT id, name, coalesce(bucket, '') AS bucket, source_type, query_mode, description "
           "FROM table_registry ORDER BY coalesce(bucket, ''), name")) {
    const std::string bucket = row.bucket.empty() ? "(no bucket)" : row.bucket;
    identity::items_of(blocks, bucket, bucket)
        .push_back(boost::json::object{{"resource_id", row.id},
                                       {"name", row.name},
                                       {"category", json::to_json(row.query_mode)},
                                       {"source_type", json::to_json(row.source_type)},
                                       {"description", json::to_json(row.description)}});
  }
  return blocks;
}

}  // namespace

identity::ResourceType table_resource() {
  return {"table", "Tables", "A registered data table.", "<table_id>", &table_exists, &table_blocks, 2};
}

}  // namespace agnes::catalog
