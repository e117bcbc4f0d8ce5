#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/describe.hpp>

#include "lib/base/time.h"

// The rows that decide about access, as they stand in the state database, with the ways to find them.
namespace agnes::identity {

struct User {
  std::string id, email;
  std::optional<std::string> name = {};
  bool active = true, has_password = false, onboarded = false;
  // Another one for each password hash, "" without one: a session holds it, so that it ends with the password.
  std::string password_mark = {};
  std::optional<Timestamp> created_at = {}, deactivated_at = {};
};
BOOST_DESCRIBE_STRUCT(User, (),
                      (id, email, name, active, has_password, onboarded, password_mark, created_at,
                       deactivated_at))

struct Group {
  std::string id, name;
  std::optional<std::string> description = {};
  bool is_system = false;
  std::optional<Timestamp> created_at = {};
  std::optional<std::string> created_by = {};
};
BOOST_DESCRIBE_STRUCT(Group, (), (id, name, description, is_system, created_at, created_by))

// `source` is who wrote the row and who alone may change it: admin, google_sync or system_seed.
struct Member {
  std::string user_id, group_id, source;
  std::optional<Timestamp> added_at = {};
  std::optional<std::string> added_by = {};
};
BOOST_DESCRIBE_STRUCT(Member, (), (user_id, group_id, source, added_at, added_by))

struct Grant {
  std::string id, group_id, resource_type, resource_id;
  std::optional<Timestamp> assigned_at = {};
  std::optional<std::string> assigned_by = {};
};
BOOST_DESCRIBE_STRUCT(Grant, (), (id, group_id, resource_type, resource_id, assigned_at, assigned_by))

// A personal access token; itself it is nowhere, only its SHA-256.
struct Token {
  std::string id, user_id, name, token_hash, prefix;
  std::optional<Timestamp> created_at = {}, expires_at = {}, last_used_at = {};
  std::optional<std::string> last_used_ip = {};
  std::optional<Timestamp> revoked_at = {};
};
BOOST_DESCRIBE_STRUCT(Token, (),
                      (id, user_id, name, token_hash, prefix, created_at, expires_at, last_used_at,
                       last_used_ip, revoked_at))

// Pointers stay valid until the row is erased. Not thread-safe: see Directory.
class Tables {
 public:
  const User* user(std::string_view id) const;
  // The account of exactly this address; else the only one of this address in any case.
  const User* user_by_email(std::string_view email) const;
  const Group* group(std::string_view id) const;
  const Group* group_by_name(std::string_view name) const;
  const Member* member(std::string_view user_id, std::string_view group_id) const;
  const Grant* grant(std::string_view id) const;
  const Grant* grant_of(std::string_view group_id, std::string_view resource_type,
                        std::string_view resource_id) const;
  const Token* token(std::string_view id) const;

  // Sorted as the contract lists them: users by address, groups by name, members by address, grants by group,
  // type and resource, memberships with system groups first, tokens newest first.
  std::vector<const User*> users() const;
  std::vector<const Group*> groups() const;
  std::vector<const Member*> members_of(std::string_view group_id) const;
  std::vector<const Member*> memberships_of(std::string_view user_id) const;
  std::vector<const Grant*> grants() const;
  std::vector<const Grant*> grants_of(std::string_view group_id) const;
  std::vector<const Token*> tokens() const;
  std::vector<const Token*> tokens_of(std::string_view user_id) const;

  std::size_t user_count() const { return users_.size(); }
  std::size_t member_count(std::string_view group_id) const;
  std::size_t grant_count(std::string_view group_id) const;
  // The groups of a user, by id.
  const std::set<std::string, std::less<>>& group_ids_of(std::string_view user_id) const;
  bool is_admin(std::string_view user_id) const;
  std::size_t active_admins() const;

  // Grows with every change of groups, members or grants.
  std::uint64_t rights_version() const { return rights_version_; }

  // Adds or replaces.
  void put(User user);
  void put(Group group);
  void put(Member member);
  void put(Grant grant);
  void put(Token token);
  void erase_token(std::string_view id);
  void erase_user(std::string_view id);   // with their memberships; tokens stay for the record
  void erase_group(std::string_view id);  // with its members and grants
  void erase_member(std::string_view user_id, std::string_view group_id);
  void erase_grant(std::string_view id);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class T>
  using ById = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  using Ids = std::set<std::string, std::less<>>;

  std::uint64_t rights_version_ = 1;
  ById<User> users_;
  ById<Ids> users_by_email_;  // in lower case
  ById<Group> groups_;
  ById<std::string> groups_by_name_;
  ById<std::map<std::string, Member, std::less<>>> members_;  // by group, then by user
  ById<Ids> groups_of_user_;
  ById<Grant> grants_;
  ById<std::map<std::pair<std::string, std::string>, std::string>> grants_of_group_;  // by type and resource
  ById<Token> tokens_;
  ById<Ids> tokens_of_user_;
};

}  // namespace agnes::identity
