#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>

#include "core/state/tx.h"

namespace agnes::identity {

// A kind of thing that groups are granted.
struct ResourceType {
  std::string_view key;  // as grants hold it
  std::string_view display_name, description, id_format;
  bool (*exists)(state::Tx& tx, const std::string& id);
  // What there is, for the admin page: [{id, name, items: [{resource_id, name, ...}]}].
  boost::json::array (*blocks)(state::Tx& tx);
  int place = 0;  // in lists: the contract's order
};

// The kinds that there are. A module adds its own while it is made; after that only read, from any thread. When a
// resource is no more, its module calls Change::erase_grants_of in the same transaction.
class ResourceTypes {
 public:
  ResourceTypes();  // those of the contract that no module has yet

  void add(const ResourceType& type);
  const std::vector<ResourceType>& all() const { return types_; }
  // Throws Error (`bad_request`) naming those that exist.
  const ResourceType& named(std::string_view key) const;

 private:
  std::vector<ResourceType> types_;
};

// The block of `id` in a list of blocks, made at the end when it is not the last one: its items.
boost::json::array& items_of(boost::json::array& blocks, const std::string& id, const std::string& name);

}  // namespace agnes::identity
