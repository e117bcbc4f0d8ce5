#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/catalog/registry.h"
#include "core/sync/sync_state.h"
#include "lib/base/text.h"

namespace agnes::sync {

// By lower-cased names, which tables are matched by. Points into `rows`.
template <class Rows, class Name>
auto by_name(const Rows& rows, Name name) {
  std::unordered_map<std::string, const typename Rows::value_type*> out;
  for (const auto& row : rows) out.emplace(to_lower(name(row)), &row);
  return out;
}

// The registered tables and the state of their syncs, as of one moment. Never changes once made.
class RegistrySnapshot {
 public:
  RegistrySnapshot(std::vector<catalog::Registration> tables, std::vector<SyncState> states)
      : tables_(std::move(tables)),
        states_(std::move(states)),
        table_of_(by_name(tables_, [](const catalog::Registration& row) { return row.name; })),
        state_of_(by_name(states_, [](const SyncState& state) { return state.table_id; })) {}
  static RegistrySnapshot read(state::Tx& tx) { return {catalog::all(tx), all_states(tx)}; }
  RegistrySnapshot(RegistrySnapshot&&) = default;
  RegistrySnapshot(const RegistrySnapshot&) = delete;
  RegistrySnapshot& operator=(const RegistrySnapshot&) = delete;

  const std::vector<catalog::Registration>& tables() const { return tables_; }
  // By name, in any case; null when there is none.
  const catalog::Registration* find(std::string_view name) const { return at(table_of_, name); }
  const SyncState* state_of(std::string_view name) const { return at(state_of_, name); }

 private:
  template <class Map>
  static typename Map::mapped_type at(const Map& map, std::string_view name) {
    const auto found = map.find(to_lower(name));
    return found == map.end() ? nullptr : found->second;
  }

  std::vector<catalog::Registration> tables_;
  std::vector<SyncState> states_;
  std::unordered_map<std::string, const catalog::Registration*> table_of_;
  std::unordered_map<std::string, const SyncState*> state_of_;
};

}  // namespace agnes::sync
