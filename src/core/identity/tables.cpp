#include "core/identity/tables.h"

#include <algorithm>

#include "core/state/seed.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

template <class Map>
auto* find(Map& map, std::string_view id) {
  const auto found = map.find(id);
  return found == map.end() ? nullptr : &found->second;
}

template <class T, class Key>
std::vector<const T*> sorted(std::vector<const T*> rows, Key key) {
  std::sort(rows.begin(), rows.end(), [&](const T* a, const T* b) { return key(*a) < key(*b); });
  return rows;
}

template <class Map, class T = typename Map::mapped_type>
std::vector<const T*> all(const Map& map) {
  std::vector<const T*> out;
  out.reserve(map.size());
  for (const auto& [id, row] : map) out.push_back(&row);
  return out;
}

// Newest first; of the same moment, by id.
auto newest(const Token& token) {
  return std::pair(-token.created_at.value_or(Timestamp{}).micros, std::string_view(token.id));
}

}  // namespace

const User* Tables::user(std::string_view id) const {
  return find(users_, id);
}
const User* Tables::user_by_email(std::string_view email) const {
  const auto* ids = find(users_by_email_, to_lower(email));
  if (ids == nullptr) return nullptr;
  for (const auto& id : *ids)
    if (const auto* found = user(id); found->email == email) return found;
  return ids->size() == 1 ? user(*ids->begin()) : nullptr;
}
const Group* Tables::group(std::string_view id) const {
  return find(groups_, id);
}
const Group* Tables::group_by_name(std::string_view name) const {
  const auto* id = find(groups_by_name_, name);
  return id != nullptr ? group(*id) : nullptr;
}
const Member* Tables::member(std::string_view user_id, std::string_view group_id) const {
  const auto* members = find(members_, group_id);
  return members != nullptr ? find(*members, user_id) : nullptr;
}
const Grant* Tables::grant(std::string_view id) const {
  return find(grants_, id);
}
const Grant* Tables::grant_of(std::string_view group_id, std::string_view resource_type,
                              std::string_view resource_id) const {
  const auto* grants = find(grants_of_group_, group_id);
  if (grants == nullptr) return nullptr;
  const auto found = grants->find(std::pair(std::string(resource_type), std::string(resource_id)));
  return found == grants->end() ? nullptr : grant(found->second);
}
const Token* Tables::token(std::string_view id) const {
  return find(tokens_, id);
}

std::vector<const User*> Tables::users() const {
  return sorted(all(users_), [](const User& user) { return std::string_view(user.email); });
}
std::vector<const Group*> Tables::groups() const {
  return sorted(all(groups_), [](const Group& group) { return std::string_view(group.name); });
}
std::vector<const Member*> Tables::members_of(std::string_view group_id) const {
  std::vector<const Member*> out;
  if (const auto* members = find(members_, group_id))
    for (const auto& [user_id, member] : *members)
      if (user(user_id) != nullptr) out.push_back(&member);
  return sorted(std::move(out), [&](const Member& m) { return std::string_view(user(m.user_id)->email); });
}
std::vector<const Member*> Tables::memberships_of(std::string_view user_id) const {
  std::vector<const Member*> out;
  for (const auto& group_id : group_ids_of(user_id)) out.push_back(member(user_id, group_id));
  return sorted(std::move(out), [&](const Member& m) {
    const auto* of = group(m.group_id);
    return std::pair(!of->is_system, std::string_view(of->name));
  });
}
std::vector<const Grant*> Tables::grants() const {
  std::vector<const Grant*> out;
  out.reserve(grants_.size());
  for (const auto* group : groups())
    for (const auto* grant : grants_of(group->id)) out.push_back(grant);
  return out;
}
std::vector<const Grant*> Tables::grants_of(std::string_view group_id) const {
  std::vector<const Grant*> out;
  if (const auto* grants = find(grants_of_group_, group_id))
    for (const auto& [resource, id] : *grants) out.push_back(grant(id));
  return out;
}
std::vector<const Token*> Tables::tokens() const {
  return sorted(all(tokens_), newest);
}
std::vector<const Token*> Tables::tokens_of(std::string_view user_id) const {
  std::vector<const Token*> out;
  if (const auto* ids = find(tokens_of_user_, user_id))
    for (const auto& id : *ids) out.push_back(token(id));
  return sorted(std::move(out), newest);
}

std::size_t Tables::member_count(std::string_view group_id) const {
  const auto* members = find(members_, group_id);
  return members != nullptr ? members->size() : 0;
}
std::size_t Tables::grant_count(std::string_view group_id) const {
  const auto* grants = find(grants_of_group_, group_id);
  return grants != nullptr ? grants->size() : 0;
}
const std::set<std::string, std::less<>>& Tables::group_ids_of(std::string_view user_id) const {
  static const Ids none;
  const auto* ids = find(groups_of_user_, user_id);
  return ids != nullptr ? *ids : none;
}
bool Tables::is_admin(std::string_view user_id) const {
  const auto* admins = find(groups_by_name_, state::kAdminGroup);
  return admins != nullptr && group_ids_of(user_id).contains(*admins);
}
std::size_t Tables::active_admins() const {
  const auto* admins = group_by_name(state::kAdminGroup);
  if (admins == nullptr) return 0;
  const auto members = members_of(admins->id);
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(),
                                                [&](const Member* m) { return user(m->user_id)->active; }));
}

void Tables::put(User user) {
  if (const auto* old = this->user(user.id)) users_by_email_[to_lower(old->email)].erase(old->id);
  users_by_email_[to_lower(user.email)].insert(user.id);
  auto id = user.id;
  users_.insert_or_assign(std::move(id), std::move(user));
}
void Tables::put(Group group) {
  ++rights_version_;
  if (const auto* old = this->group(group.id)) groups_by_name_.erase(old->name);
  groups_by_name_[group.name] = group.id;
  auto id = group.id;
  groups_.insert_or_assign(std::move(id), std::move(group));
}
void Tables::put(Member member) {
  ++rights_version_;
  if (group(member.group_id) == nullptr) return;
  groups_of_user_[member.user_id].insert(member.group_id);
  auto& members = members_[member.group_id];
  auto id = member.user_id;
  members.insert_or_assign(std::move(id), std::move(member));
}
void Tables::put(Grant grant) {
  ++rights_version_;
  if (group(grant.group_id) == nullptr) return;
  grants_of_group_[grant.group_id].insert_or_assign({grant.resource_type, grant.resource_id}, grant.id);
  auto id = grant.id;
  grants_.insert_or_assign(std::move(id), std::move(grant));
}
void Tables::erase_token(std::string_view id) {
  const auto found = tokens_.find(id);
  if (found == tokens_.end()) return;
  tokens_of_user_[found->second.user_id].erase(found->first);
  tokens_.erase(found);
}
void Tables::put(Token token) {
  tokens_of_user_[token.user_id].insert(token.id);
  auto id = token.id;
  tokens_.insert_or_assign(std::move(id), std::move(token));
}

void Tables::erase_user(std::string_view id) {
  const auto found = users_.find(id);
  if (found == users_.end()) return;
  const User gone = found->second;
  const Ids groups = group_ids_of(id);
  for (const auto& group_id : groups) erase_member(gone.id, group_id);
  users_by_email_[to_lower(gone.email)].erase(gone.id);
  users_.erase(gone.id);
}
void Tables::erase_group(std::string_view id) {
  ++rights_version_;
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  const Group gone = found->second;
  for (const auto* grant : grants_of(gone.id)) grants_.erase(std::string(grant->id));
  grants_of_group_.erase(gone.id);
  if (const auto* members = find(members_, gone.id))
    for (const auto& [user_id, member] : *members) groups_of_user_[user_id].erase(gone.id);
  members_.erase(gone.id);
  groups_by_name_.erase(gone.name);
  groups_.erase(gone.id);
}
void Tables::erase_member(std::string_view user_id, std::string_view group_id) {
  ++rights_version_;
  if (auto* groups = find(groups_of_user_, user_id))
    if (const auto at = groups->find(group_id); at != groups->end()) groups->erase(at);
  if (auto* members = find(members_, group_id))
    if (const auto at = members->find(user_id); at != members->end()) members->erase(at);
}
void Tables::erase_grant(std::string_view id) {
  ++rights_version_;
  const auto found = grants_.find(id);
  if (found == grants_.end()) return;
  const Grant& grant = found->second;
  grants_of_group_[grant.group_id].erase({grant.resource_type, grant.resource_id});
  grants_.erase(found);
}

}  // namespace agnes::identity
