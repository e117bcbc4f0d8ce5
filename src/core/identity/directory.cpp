#include "core/identity/directory.h"

#include <algorithm>

#include "lib/base/hash.h"

namespace agnes::identity {

Rights::Rights(bool everything, std::map<std::string, std::vector<std::string>, std::less<>> granted)
    : everything_(everything), granted_(std::move(granted)), table_key_("all") {
  if (everything_) return;
  std::string ids;
  for (const auto& id : this->granted("table")) (ids += id) += '\n';
  table_key_ = sha256_hex(ids).substr(0, 32);
}

bool Rights::may_read(std::string_view resource_type, std::string_view resource_id) const {
  if (everything_) return true;
  const auto& ids = granted(resource_type);
  return std::binary_search(ids.begin(), ids.end(), resource_id, std::less<>());
}

bool Rights::keep_tables_of(const Rights& earlier) const {
  if (everything_ || earlier.everything_) return everything_;
  const auto &now = granted("table"), &before = earlier.granted("table");
  return std::includes(now.begin(), now.end(), before.begin(), before.end());
}

const std::vector<std::string>& Rights::granted(std::string_view resource_type) const {
  static const std::vector<std::string> none;
  const auto found = granted_.find(resource_type);
  return found == granted_.end() ? none : found->second;
}

Directory::Directory(state::Store& store) : store_(store) {
  store_.read([&](state::Tx& tx) {
    for (auto& row : tx.rows<User>(
             "SELECT id, email, name, active, coalesce(password_hash, '') <> '' AS "
             "has_password, onboarded, CASE WHEN coalesce(password_hash, '') = '' THEN '' ELSE "
             "substr(md5(password_hash), 1, 16) END AS password_mark, created_at, deactivated_at FROM users"))
      tables_.put(std::move(row));
    for (auto& row :
         tx.rows<Group>("SELECT id, name, description, is_system, created_at, created_by FROM user_groups"))
      tables_.put(std::move(row));
    for (auto& row :
         tx.rows<Member>("SELECT user_id, group_id, source, added_at, added_by FROM user_group_members"))
      tables_.put(std::move(row));
    for (auto& row : tx.rows<Grant>("SELECT id, group_id, resource_type, resource_id, assigned_at, "
                                    "assigned_by FROM resource_grants"))
      tables_.put(std::move(row));
    for (auto& row : tx.rows<Token>("SELECT id, user_id, name, token_hash, prefix, created_at, expires_at, "
                                    "last_used_at, last_used_ip, revoked_at FROM personal_access_tokens"))
      tables_.put(std::move(row));
  });
  version_ = tables_.rights_version();
}

void Directory::finish(const Change& change) {
  if (change.empty()) return;
  std::unique_lock lock(mutex_);
  change.apply(tables_);
  version_.store(tables_.rights_version(), std::memory_order_release);
}

bool Directory::is_admin(std::string_view user_id) const {
  return read([&](const Tables& tables) { return tables.is_admin(user_id); });
}

std::shared_ptr<const Rights> Directory::rights(std::string_view user_id) const {
  std::shared_lock lock(mutex_);
  const auto version = version_.load(std::memory_order_acquire);
  const std::string user(user_id);
  std::string groups = tables_.is_admin(user_id) ? "admin" : "";
  {
    std::lock_guard guard(rights_mutex_);
    if (rights_version_ != version) {
      rights_of_user_.clear();
      rights_of_groups_.clear();
      rights_version_ = version;
    }
    if (const auto found = rights_of_user_.find(user); found != rights_of_user_.end()) return found->second;
    for (const auto& id : tables_.group_ids_of(user_id)) (groups += '\n') += id;
    if (const auto found = rights_of_groups_.find(groups); found != rights_of_groups_.end())
      return rights_of_user_[user] = found->second;
  }
  std::map<std::string, std::vector<std::string>, std::less<>> granted;
  for (const auto& id : tables_.group_ids_of(user_id))
    for (const auto* grant : tables_.grants_of(id))
      granted[grant->resource_type].push_back(grant->resource_id);
  for (auto& [type, ids] : granted) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  auto rights = std::make_shared<const Rights>(tables_.is_admin(user_id), std::move(granted));
  std::lock_guard guard(rights_mutex_);
  if (rights_version_ == version) {
    rights_of_user_[user] = rights;
    rights_of_groups_[groups] = rights;
  }
  return rights;
}

}  // namespace agnes::identity
