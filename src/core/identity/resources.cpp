#include "core/identity/resources.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace json = boost::json;

namespace {

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

struct PluginRow {
  std::string marketplace_id, marketplace_name;
  std::optional<std::string> name, version, category, description, source_type;
  bool is_system = false;
};
BOOST_DESCRIBE_STRUCT(PluginRow, (),
                      (marketplace_id, marketplace_name, name, version, category, description, source_type,
                       is_system))

bool plugin_exists(state::Tx& tx, const std::string& id) {
  const auto slash = id.find('/');
  if (slash == std::string::npos) return false;
  return tx.scalar<std::int64_t>(
             "SELECT count(*) FROM marketplace_plugins WHERE marketplace_id = ? AND name = ?",
             id.substr(0, slash), id.substr(slash + 1)) > 0;
}

json::array plugin_blocks(state::Tx& tx) {
  json::array blocks;
  for (const auto& row : tx.rows<PluginRow>("SELECT m.id AS marketplace_id, m.name AS marketplace_name, "
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

// The contract's fixed list.
constexpr std::array<std::string_view, 6> kMemoryDomains{"finance", "engineering", "product",
                                                         "data",    "operations",  "infrastructure"};

bool domain_exists(state::Tx&, const std::string& id) {
  return std::find(kMemoryDomains.begin(), kMemoryDomains.end(), id) != kMemoryDomains.end();
}

json::array domain_blocks(state::Tx&) {
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

json::array& items_of(json::array& blocks, const std::string& id, const std::string& name) {
  if (blocks.empty() || blocks.back().at("id") != json::value(id))
    blocks.push_back(json::object{{"id", id}, {"name", name}, {"items", json::array()}});
  return blocks.back().at("items").as_array();
}

ResourceTypes::ResourceTypes() {
  add({"marketplace_plugin", "Marketplace plugins", "A plugin from a registered marketplace.",
       "<marketplace_slug>/<plugin_name>", &plugin_exists, &plugin_blocks, 1});
  add({"memory_domain", "Memory domains", "A corporate-memory domain (knowledge_items.domain).", "<domain>",
       &domain_exists, &domain_blocks, 3});
}

void ResourceTypes::add(const ResourceType& type) {
  const auto after =
      std::find_if(types_.begin(), types_.end(), [&](const ResourceType& t) { return t.place > type.place; });
  types_.insert(after, type);
}

const ResourceType& ResourceTypes::named(std::string_view key) const {
  std::vector<std::string> known;
  for (const auto& type : types_) {
    if (type.key == key) return type;
    known.emplace_back(type.key);
  }
  throw Error(ErrorKind::bad_request, fmt::format("unknown resource_type '{}': it is one of {}",
                                                  escape_control(key.substr(0, 100)), join(known, ", ")));
}

}  // namespace agnes::identity
