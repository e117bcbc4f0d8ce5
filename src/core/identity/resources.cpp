#include "core/identity/resources.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::identity {

namespace {

namespace json = boost::json;

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

// The block of `id`, made at the end when it is not the last one.
json::array& items_of(json::array& blocks, const std::string& id, const std::string& name) {
  if (blocks.empty() || blocks.back().at("id") != json::value(id))
    blocks.push_back(json::object{{"id", id}, {"name", name}, {"items", json::array()}});
  return blocks.back().at("items").as_array();
}

struct PluginRow {
  std::string marketplace_id, marketplace_name;
  std::optional<std::string> name, version, category, description, source_type;
  bool is_system = false;
};
BOOST_DESCRIBE_STRUCT(PluginRow, (),
                      (marketplace_id, marketplace_name, name, version, category, description, source_type,
                       is_system))

bool plugin_exists(duck::Connection& connection, const std::string& id) {
  const auto slash = id.find('/');
  if (slash == std::string::npos) return false;
  return duck::scalar<std::int64_t>(
             connection, "SELECT count(*) FROM marketplace_plugins WHERE marketplace_id = ? AND name = ?",
             id.substr(0, slash), id.substr(slash + 1)) > 0;
}

json::array plugin_blocks(duck::Connection& connection) {
  json::array blocks;
  for (const auto& row : duck::rows<PluginRow>(connection,
                                               "SELECT m.id AS marketplace_id, m.name AS marketplace_name, "
                                               "p.name, p.version, p.category, p.description, "
                                               "p.source_type, p.is_system FROM marketplace_registry m "
                                               "LEFT JOIN marketplace_plugins p ON p.marketplace_id = m.id "
                                               "ORDER BY m.registered_at, m.id, p.name")) {
    auto& items = items_of(blocks, row.marketplace_id, row.marketplace_name);
    if (!row.name) continue;
    items.push_back(json::object{{"resource_id", row.marketplace_id + "/" + *row.name},
                                 {"name", *row.name},
                                 {"version", text_or_null(row.version)},
                                 {"category", text_or_null(row.category)},
                                 {"description", text_or_null(row.description)},
                                 {"source_type", text_or_null(row.source_type)},
                                 {"is_system", row.is_system}});
  }
  return blocks;
}

struct TableRow {
  std::string id, name, bucket;
  std::optional<std::string> source_type, query_mode, description;
};
BOOST_DESCRIBE_STRUCT(TableRow, (), (id, name, bucket, source_type, query_mode, description))

bool table_exists(duck::Connection& connection, const std::string& id) {
  return duck::scalar<std::int64_t>(connection, "SELECT count(*) FROM table_registry WHERE id = ?", id) > 0;
}

json::array table_blocks(duck::Connection& connection) {
  json::array blocks;
  for (const auto& row : duck::rows<TableRow>(
           connection,
           "SELECT id, name, coalesce(bucket, '') AS bucket, source_type, query_mode, description "
           "FROM table_registry ORDER BY coalesce(bucket, ''), name")) {
    const std::string bucket = row.bucket.empty() ? "(no bucket)" : row.bucket;
    items_of(blocks, bucket, bucket)
        .push_back(json::object{{"resource_id", row.id},
                                {"name", row.name},
                                {"category", text_or_null(row.query_mode)},
                                {"source_type", text_or_null(row.source_type)},
                                {"description", text_or_null(row.description)}});
  }
  return blocks;
}

// The contract's fixed list.
constexpr std::array<std::string_view, 6> kMemoryDomains{"finance", "engineering", "product",
                                                         "data",    "operations",  "infrastructure"};

bool domain_exists(duck::Connection&, const std::string& id) {
  return std::find(kMemoryDomains.begin(), kMemoryDomains.end(), id) != kMemoryDomains.end();
}

json::array domain_blocks(duck::Connection&) {
  json::array items;
  for (const auto domain : kMemoryDomains)
    // The sentence is part of the contract's recorded answers.
    items.push_back(json::object{
        {"resource_id", domain},
        {"name", domain},
        {"category", "domain"},
        {"description", fmt::format("Members of granted groups see all knowledge_items with domain='{}', "
                                    "in addition to the existing audience filter.",
                                    domain)}});
  json::array blocks;
  items_of(blocks, "memory_domains", "Memory domains") = std::move(items);
  return blocks;
}

}  // namespace

const std::vector<ResourceType>& resource_types() {
  static const std::vector<ResourceType> types = {
      {"marketplace_plugin", "Marketplace plugins", "A plugin from a registered marketplace.",
       "<marketplace_slug>/<plugin_name>", &plugin_exists, &plugin_blocks},
      {"table", "Tables", "A registered data table.", "<table_id>", &table_exists, &table_blocks},
      {"memory_domain", "Memory domains", "A corporate-memory domain (knowledge_items.domain).", "<domain>",
       &domain_exists, &domain_blocks},
  };
  return types;
}

const ResourceType& resource_type_named(std::string_view key) {
  std::vector<std::string> known;
  for (const auto& type : resource_types()) {
    if (type.key == key) return type;
    known.emplace_back(type.key);
  }
  throw Error(ErrorKind::bad_request, fmt::format("unknown resource_type '{}': it is one of {}",
                                                  escape_control(key.substr(0, 100)), join(known, ", ")));
}

}  // namespace agnes::identity
