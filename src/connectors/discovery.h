#pragma once

#include <string>
#include <vector>

#include "core/catalog/registry.h"
#include "core/sync/connector.h"

namespace agnes::connectors {

// An offer that somebody registered in another way: what the source says, and the registration.
struct Drift {
  catalog::Registration offered, registered;
  bool same_id = false;  // else only the name is the same
};
struct Unfit {
  catalog::Registration offered;
  std::string reason;
};

// What registering a source's offers comes to. What is registered stays as it is.
struct Plan {
  std::vector<catalog::Registration> new_tables;  // with ids and names of their own
  std::vector<catalog::Registration> known;       // registered already, by whatever name
  std::vector<Drift> drift;
  std::vector<Unfit> unfit;
};

// Sorts the offers by what becomes of them. An offer is known when a registration has its place at the source
// (bucket and table, or the name where a source has no such places). Of several new tables with one name,
// each is named by its id instead.
Plan plan(const std::vector<catalog::Registration>& registered, const std::vector<sync::Offer>& offers);

}  // namespace agnes::connectors
