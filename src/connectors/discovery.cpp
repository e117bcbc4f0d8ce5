#include "connectors/discovery.h"

#include <map>
#include <set>

#include "core/catalog/registry_rules.h"
#include "lib/base/text.h"

namespace agnes::connectors {

namespace {

using catalog::Registration;

// Where the source has the table, as one text.
std::string place_of(const Registration& row) {
  const std::string bucket = row.bucket.value_or(""), table = row.source_table.value_or("");
  const std::string place =
      bucket.empty() && table.empty() ? '\n' + to_lower(row.name) : bucket + '\n' + table;
  return row.source_type.value_or("") + '\n' + place;
}

class Index {
 public:
  explicit Index(const std::vector<Registration>& rows) {
    for (const auto& row : rows) add(row);
  }
  void add(const Registration& row) {
    by_id_.emplace(row.id, &row);
    by_name_.emplace(to_lower(row.name), &row);
    by_place_.emplace(place_of(row), &row);
  }
  const Registration* id(const std::string& id) const { return found(by_id_, id); }
  const Registration* name(const std::string& name) const { return found(by_name_, to_lower(name)); }
  const Registration* place(const Registration& row) const { return found(by_place_, place_of(row)); }

 private:
  using Map = std::map<std::string, const Registration*>;
  static const Registration* found(const Map& map, const std::string& key) {
    const auto at = map.find(key);
    return at == map.end() ? nullptr : at->second;
  }
  Map by_id_, by_name_, by_place_;
};

}  // namespace

Plan plan(const std::vector<Registration>& registered, const std::vector<sync::Offer>& offers) {
  Plan out;
  const Index index(registered);
  std::vector<Registration> new_tables;
  std::map<std::string, int> names;
  for (const auto& offer : offers) {
    const auto& row = offer.row;
    const auto* same_id = index.id(row.id);
    const auto* same_name = index.name(row.name);
    if (index.place(row) != nullptr) {
      out.known.push_back(row);
    } else if (!offer.unfit.empty()) {
      out.unfit.push_back({row, offer.unfit});
    } else if (same_id != nullptr || same_name != nullptr) {
      out.drift.push_back({row, same_id != nullptr ? *same_id : *same_name, same_id != nullptr});
    } else {
      ++names[to_lower(row.name)];
      new_tables.push_back(row);
    }
  }
  std::set<std::string> ids, taken;
  for (auto& row : new_tables) {
    if (names[to_lower(row.name)] > 1) row.name = row.id;
    const auto problem = catalog::name_problem(row.name);
    if (!problem.empty())
      out.unfit.push_back({row, problem});
    else if (!ids.insert(row.id).second || index.name(row.name) != nullptr ||
             !taken.insert(to_lower(row.name)).second)
      out.unfit.push_back(
          {row, fmt::format("another table is called {}: register this one by hand", row.name)});
    else
      out.new_tables.push_back(std::move(row));
  }
  return out;
}

}  // namespace agnes::connectors
