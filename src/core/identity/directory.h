#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/identity/change.h"
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
  // Whether all tables are readable that were with `earlier`.
  bool keep_tables_of(const Rights& earlier) const;
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

  // `read(tables)` while nothing changes; keep what it returns, not pointers into the tables.
  template <class Read>
  auto read(Read&& read) const {
    std::shared_lock lock(mutex_);
    return read(tables_);
  }

  // Runs `work(change)` as one transaction (see Store::write; it may run again, with another Change), one at a time;
  // then its rows are those in memory. When it throws, nothing has changed.
  template <class Work>
  auto change(Work&& work) {
    std::lock_guard one_at_a_time(change_mutex_);
    // Only a change alters the tables, so they can be read here without a lock.
    std::optional<Change> change;
    const auto run = [&](state::Tx& tx) {
      change.emplace(tables_, tx);
      return work(*change);
    };
    if constexpr (std::is_void_v<std::invoke_result_t<Work&, Change&>>) {
      store_.write(run);
      finish(*change);
    } else {
      auto value = store_.write(run);
      finish(*change);
      return value;
    }
  }

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
  void finish(const Change& change);

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
