#include "core/catalog/visible.h"

#include "lib/base/error.h"

namespace agnes::catalog {

namespace {
constexpr std::size_t kMaxEntries = 20'000;
}

const Table* VisibleSet::find(std::string_view id_or_name) const {
  const Table* table = generation->find(id_or_name);
  if (table == nullptr) return nullptr;
  return std::find(tables.begin(), tables.end(), table) != tables.end() ? table : nullptr;
}

std::shared_ptr<const VisibleSet> Visible::of(const http::Caller& caller) const {
  auto generation = generations_.current();
  // Read before the grants are: when they change in between, the next call looks again.
  const std::uint64_t version = directory_.version();
  {
    std::shared_lock lock(mutex_);
    const auto found = by_user_.find(caller.user_id);
    if (found != by_user_.end() && found->second.version == version &&
        found->second.generation == generation->number())
      return found->second.set;
  }
  auto set = make(caller, generation);
  std::unique_lock lock(mutex_);
  auto& shared = by_key_[set->key];
  if (auto same = shared.lock())
    set = std::move(same);
  else
    shared = set;
  if (by_user_.size() >= kMaxEntries) by_user_.clear();
  by_user_.insert_or_assign(caller.user_id, Entry{version, generation->number(), set});
  std::erase_if(by_key_, [](const auto& entry) { return entry.second.expired(); });
  return set;
}

std::shared_ptr<const VisibleSet> Visible::make(const http::Caller& caller,
                                                std::shared_ptr<const Generation> generation) const {
  auto set = std::make_shared<VisibleSet>();
  const auto rights = directory_.rights(caller.user_id);
  for (const auto& table : generation->tables())
    // A grant names a registered table. What nobody registered is the admins', whatever it is called.
    if (table.registered ? rights->may_read("table", table.id) : rights->everything()) {
      set->tables.push_back(&table);
      if (table.remote != nullptr && !table.has_data()) set->remote.push_back(&table);
    }
  set->key = fmt::format("{}/{}", generation->number(), rights->table_key());
  set->generation = std::move(generation);
  return set;
}

std::function<bool()> Visible::still_readable(const http::Caller& caller) const {
  auto version = directory_.version();  // before the rights are read
  return [this, id = caller.user_id, rights = directory_.rights(caller.user_id), version]() mutable {
    const auto latest = directory_.version();
    if (latest == version) return true;
    if (!directory_.rights(id)->keep_tables_of(*rights)) return false;
    version = latest;
    return true;
  };
}

void Visible::forget() const {
  std::unique_lock lock(mutex_);
  by_user_.clear();
  std::erase_if(by_key_, [](const auto& entry) { return entry.second.expired(); });
}

const Table& Visible::table(const VisibleSet& set, const http::Caller& caller,
                            std::string_view id_or_name) const {
  if (const Table* table = set.find(id_or_name)) return *table;
  if (caller.is_admin) throw Error(ErrorKind::not_found, fmt::format("there is no table {}", id_or_name));
  throw Error(ErrorKind::forbidden,
              fmt::format("you may not read a table {}; ask an administrator for a grant", id_or_name));
}

}  // namespace agnes::catalog
