#include "core/identity/change.h"

#include "lib/base/error.h"
#include "lib/base/hash.h"

namespace agnes::identity {

namespace {

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public>;

constexpr std::string_view table_of(const User&) {
  return "users";
}
constexpr std::string_view table_of(const Group&) {
  return "user_groups";
}
constexpr std::string_view table_of(const Member&) {
  return "user_group_members";
}
constexpr std::string_view table_of(const Grant&) {
  return "resource_grants";
}
constexpr std::string_view table_of(const Token&) {
  return "personal_access_tokens";
}

template <class T>
bool is_key(std::string_view column) {
  if constexpr (std::is_same_v<T, Member>) return column == "user_id" || column == "group_id";
  return column == "id";
}
template <class T>
bool is_column(std::string_view member) {
  return !std::is_same_v<T, User> || (member != "has_password" && member != "password_mark");
}

template <class T>
bool same_row(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, Member>)
    return a.user_id == b.user_id && a.group_id == b.group_id;
  else
    return a.id == b.id;
}

const User* find(const Tables& tables, const User& row) {
  return tables.user(row.id);
}
const Group* find(const Tables& tables, const Group& row) {
  return tables.group(row.id);
}
const Member* find(const Tables& tables, const Member& row) {
  return tables.member(row.user_id, row.group_id);
}
const Grant* find(const Tables& tables, const Grant& row) {
  return tables.grant(row.id);
}
const Token* find(const Tables& tables, const Token& row) {
  return tables.token(row.id);
}

template <class T>
void insert(state::Tx& tx, const T& row) {
  std::string columns, marks;
  std::vector<state::Value> values;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    if (!is_column<T>(member.name)) return;
    columns += fmt::format("{}{}", columns.empty() ? "" : ", ", member.name);
    marks += marks.empty() ? "?" : ", ?";
    values.push_back(state::param(row.*member.pointer));
  });
  tx.run(fmt::format("INSERT INTO {} ({}) VALUES ({})", table_of(row), columns, marks), values);
}

// Returns whether anything is another one now.
template <class T>
bool update(state::Tx& tx, const T& before, const T& row) {
  std::string assignments, condition;
  std::vector<state::Value> values, key;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    const auto& value = row.*member.pointer;
    if (is_key<T>(member.name)) {
      condition += fmt::format("{}{} = ?", condition.empty() ? "" : " AND ", member.name);
      key.push_back(state::param(value));
    } else if (is_column<T>(member.name) && value != before.*member.pointer) {
      assignments += fmt::format("{}{} = ?", assignments.empty() ? "" : ", ", member.name);
      values.push_back(state::param(value));
    }
  });
  if (values.empty()) return false;
  values.insert(values.end(), key.begin(), key.end());
  const auto sql = fmt::format("UPDATE {} SET {} WHERE {}", table_of(row), assignments, condition);
  if (tx.run(sql, values).changed != 1)
    throw Error(
        ErrorKind::internal,
        fmt::format("a row of {} is not in the state database any more: restart the server", table_of(row)));
  return true;
}

// As the database makes it of the column, see Directory.
std::string password_mark(const std::string& hash) {
  return hash.empty() ? "" : md5_hex(hash).substr(0, 16);
}

}  // namespace

template <class T>
const T* Change::current(const T& row) const {
  const auto& written = std::get<std::vector<T>>(written_);
  for (auto at = written.rbegin(); at != written.rend(); ++at)
    if (same_row(*at, row)) return &*at;
  return find(tables_, row);
}

template <class T>
void Change::put_row(const T& row) {
  if (const auto* before = current(row)) {
    if (!update(tx_, *before, row)) return;
  } else {
    insert(tx_, row);
  }
  std::get<std::vector<T>>(written_).push_back(row);
  steps_.push_back([row](Tables& tables) { tables.put(row); });
}
template void Change::put_row(const Group&);
template void Change::put_row(const Member&);
template void Change::put_row(const Grant&);
template void Change::put_row(const Token&);

void Change::put(User user) {
  const auto* before = current(user);
  user.has_password = before != nullptr && before->has_password;
  user.password_mark = before != nullptr ? before->password_mark : "";
  const auto steps = steps_.size();
  put_row(user);
  if (steps_.size() > steps) tx_.execute("UPDATE users SET updated_at = ? WHERE id = ?", now(), user.id);
}

void Change::set_password(const std::string& user_id, const std::string& hash) {
  User key;
  key.id = user_id;
  const auto* before = current(key);
  if (before == nullptr) throw Error(ErrorKind::not_found, "User not found");
  tx_.execute(
      "UPDATE users SET password_hash = ?, setup_token = NULL, setup_token_created = NULL, reset_token = "
      "NULL, "
      "reset_token_created = NULL, updated_at = ? WHERE id = ?",
      hash, now(), user_id);
  User user = *before;
  user.has_password = !hash.empty();
  user.password_mark = password_mark(hash);
  std::get<std::vector<User>>(written_).push_back(user);
  steps_.push_back([user](Tables& tables) { tables.put(user); });
}

void Change::erase_token(const std::string& id) {
  tx_.execute("DELETE FROM personal_access_tokens WHERE id = ?", id);
  steps_.push_back([id](Tables& tables) { tables.erase_token(id); });
}

void Change::erase_user(const std::string& id) {
  tx_.execute("DELETE FROM user_group_members WHERE user_id = ?", id);
  tx_.execute("DELETE FROM users WHERE id = ?", id);
  steps_.push_back([id](Tables& tables) { tables.erase_user(id); });
}

void Change::erase_group(const std::string& id) {
  tx_.execute("DELETE FROM user_group_members WHERE group_id = ?", id);
  tx_.execute("DELETE FROM resource_grants WHERE group_id = ?", id);
  tx_.execute("DELETE FROM user_groups WHERE id = ?", id);
  steps_.push_back([id](Tables& tables) { tables.erase_group(id); });
}

void Change::erase_member(const std::string& user_id, const std::string& group_id) {
  tx_.execute("DELETE FROM user_group_members WHERE user_id = ? AND group_id = ?", user_id, group_id);
  steps_.push_back([user_id, group_id](Tables& tables) { tables.erase_member(user_id, group_id); });
}

void Change::erase_grant(const std::string& id) {
  tx_.execute("DELETE FROM resource_grants WHERE id = ?", id);
  steps_.push_back([id](Tables& tables) { tables.erase_grant(id); });
}

void Change::erase_grants_of(const std::string& resource_type, const std::string& resource_id) {
  tx_.execute("DELETE FROM resource_grants WHERE resource_type = ? AND resource_id = ?", resource_type,
              resource_id);
  steps_.push_back([resource_type, resource_id](Tables& tables) {
    std::vector<std::string> ids;
    for (const auto* grant : tables.grants())
      if (grant->resource_type == resource_type && grant->resource_id == resource_id)
        ids.push_back(grant->id);
    for (const auto& id : ids) tables.erase_grant(id);
  });
}

}  // namespace agnes::identity
