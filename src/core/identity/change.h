#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/identity/tables.h"
#include "core/state/audit.h"
#include "core/state/tx.h"

namespace agnes::identity {

// One change of the rows that are held in memory: each call writes the row into the database at once, and into memory
// when the transaction is committed, so that the two cannot differ. Made by Directory::change.
class Change {
 public:
  Change(const Tables& tables, state::Tx& tx) : tables_(tables), tx_(tx) {}

  // The rows as they were before this change.
  const Tables& tables() const { return tables_; }
  // For rows that are not held in memory. Do not write those of `tables` with it.
  state::Tx& tx() { return tx_; }

  // Adds the row, or writes the columns that are other ones now. `has_password` of a user is not written: see
  // set_password. A row that this change erased cannot be put again.
  void put(User user);
  void put(const Group& group) { put_row(group); }
  void put(const Member& member) { put_row(member); }
  void put(const Grant& grant) { put_row(grant); }
  void put(const Token& token) { put_row(token); }
  // The links for setting one that were sent before end to work.
  void set_password(const std::string& user_id, const std::string& hash);

  void erase_token(const std::string& id);
  void erase_user(const std::string& id);   // with their memberships; tokens stay for the record
  void erase_group(const std::string& id);  // with its members and grants
  void erase_member(const std::string& user_id, const std::string& group_id);
  void erase_grant(const std::string& id);
  // Everything that anybody was granted of a resource that is no more.
  void erase_grants_of(const std::string& resource_type, const std::string& resource_id);

  void record(const state::Actor& actor, std::string_view action, std::string_view resource,
              boost::json::object params = {}, std::string_view result = "") {
    state::record(tx_, actor, action, resource, std::move(params), result);
  }

 private:
  friend class Directory;

  template <class T>
  void put_row(const T& row);
  // The row as this change left it so far.
  template <class T>
  const T* current(const T& row) const;
  bool empty() const { return steps_.empty(); }
  void apply(Tables& tables) const {
    for (const auto& step : steps_) step(tables);
  }

  const Tables& tables_;
  state::Tx& tx_;
  std::tuple<std::vector<User>, std::vector<Group>, std::vector<Member>, std::vector<Grant>,
             std::vector<Token>>
      written_;
  std::vector<std::function<void(Tables&)>> steps_;
};

}  // namespace agnes::identity
