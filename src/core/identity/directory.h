#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/identity/tables.h"
#include "core/state/store.h"
#include "lib/http/caller.h"

namespace agnes::identity {

// What one caller may read: everything as an admin, else what the groups they are in were granted. Immutable;
// the same object for all callers with the same groups, as long as nothing changed.
class Rights {
 public:
  Rights(bool everything, std::map<std::string, std::vector<std::string>, std::less<>> granted);

  bool everything() const { return everything_; }
  bool may_read(std::string_view resource_type, std::string_view resource_id) const;
  // The ids that were granted, sorted; an admin's too, who may read more than these.
  const std::vector<std::string>& granted(std::string_view resource_type) const;
  // Equal for equal sets of tables, whatever groups they came by, across restarts: for caches that callers
  // with the same rights share. "all" for an admin.
  const std::string& table_key() const { return table_key_; }

 private:
  bool everything_;
  std::map<std::string, std::vector<std::string>, std::less<>> granted_;
  std::string table_key_;
};

// Users, groups, members, grants and tokens in memory, loaded from the state database and changed together
// with it. A change holds from the moment that `change` returns. Thread-safe.
class Directory {
 public:
  explicit Directory(state::Store& store);

  // `look(tables)` while nothing changes; keep what it returns, not pointers into the tables.
  template <class Look>
  auto look(Look&& look) const {
    std::shared_lock lock(mutex_);
    return look(tables_);
  }

  // Applied to the tables in memory once its database changes are on disk.
  using Apply = std::function<void(Tables&)>;
  // Runs `work(tables, connection)` as one transaction (see Store::write; it may run again), one at a time;
  // then applies what it returned. When it throws, nothing has changed.
  using Work = std::function<Apply(const Tables&, duck::Connection&)>;
  void change(const Work& work);
  // The same for a change to a group row that members or grants reference.
  void change_group_row(const Work& work);

  bool is_admin(std::string_view user_id) const;
  std::shared_ptr<const Rights> rights(std::string_view user_id) const;
  bool may_read(const http::Caller& caller, std::string_view resource_type,
                std::string_view resource_id) const {
    return rights(caller.user_id)->may_read(resource_type, resource_id);
  }
  // Grows with every change of groups, members or grants: what was made of rights of another version is out
  // of date.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  state::Store& store() const { return store_; }

 private:
  void finish(const Apply& apply);

  state::Store& store_;
  std::mutex change_mutex_;  // held over the database change and the one in memory
  mutable std::shared_mutex mutex_;
  Tables tables_;
  std::atomic<std::uint64_t> version_ = 1;

  mutable std::mutex rights_mutex_;
  mutable std::uint64_t rights_version_ = 0;
  mutable std::unordered_map<std::string, std::shared_ptr<const Rights>> rights_of_user_, rights_of_groups_;
};

}  // namespace agnes::identity
