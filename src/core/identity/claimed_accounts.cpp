#include "core/identity/claimed_accounts.h"

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/json.h"

namespace agnes::identity {

namespace {
struct Id {
  std::string user_id;
};
BOOST_DESCRIBE_STRUCT(Id, (), (user_id))
}  // namespace

ClaimedAccounts::ClaimedAccounts(const Directory& directory)
    : file_(directory.store().file().parent_path() / "claimed.json") {
  if (const auto text = read_file(file_)) {
    try {
      const auto ids = json::from_json<std::vector<std::string>>(json::parse(*text));
      ids_ = {ids.begin(), ids.end()};
    } catch (const std::exception& error) {
      throw Error(
          ErrorKind::internal,
          fmt::format("{} cannot be read: {}; it is a JSON list of account ids: bring it back from a backup",
                      file_.string(), error.what()));
    }
    return;
  }
  for (const auto& row : directory.store().read([](state::Tx& tx) {
         return tx.rows<Id>(
             "SELECT DISTINCT user_id FROM audit_log WHERE user_id IS NOT NULL AND action <> 'login_failed'");
       }))
    directory.read([&](const Tables& tables) {
      const auto* user = tables.user(row.user_id);
      if (user != nullptr && !user->has_password) ids_.insert(row.user_id);
    });
  write();
}

void ClaimedAccounts::add(const User& user) {
  if (user.has_password) return;
  const std::lock_guard lock(mutex_);
  if (!ids_.insert(user.id).second) return;
  try {
    write();
  } catch (...) {
    ids_.erase(user.id);
    throw;
  }
}

bool ClaimedAccounts::contains(const std::string& user_id) const {
  const std::lock_guard lock(mutex_);
  return ids_.contains(user_id);
}

void ClaimedAccounts::write() const {
  // For all to read: break-glass may be run by another account of the machine than the server.
  replace_file(
      file_,
      boost::json::serialize(json::to_json(std::vector<std::string>(ids_.begin(), ids_.end()))) + '\n');
}

}  // namespace agnes::identity
