#include "core/identity/users.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/state/seed.h"
#include "lib/base/error.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

constexpr std::string_view kWrong = "Invalid password";  // the contract's words: old clients show them

// System plugins are everybody's: a new account is subscribed to them.
void subscribe_to_system_plugins(state::Tx& tx, const std::string& user_id) {
  tx.execute(
      "INSERT INTO user_plugin_optouts (user_id, marketplace_id, plugin_name) "
      "SELECT ?, marketplace_id, name FROM marketplace_plugins WHERE is_system "
      "ON CONFLICT (user_id, marketplace_id, plugin_name) DO NOTHING",
      user_id);
}

User add_user(Change& change, const std::string& email, const std::string& name) {
  const User user{.id = uuid4(),
                  .email = email,
                  .name = name,
                  .active = true,
                  .has_password = false,
                  .onboarded = false,
                  .created_at = now(),
                  .deactivated_at = std::nullopt};
  change.put(user);
  subscribe_to_system_plugins(change.tx(), user.id);
  return user;
}

void seed_admin(Change& change, const std::string& user_id, const std::string& by) {
  const auto* admins = change.tables().group_by_name(state::kAdminGroup);
  if (admins != nullptr && change.tables().member(user_id, admins->id) == nullptr)
    change.put(Member{user_id, admins->id, "system_seed", now(), by});
}

// Nobody has a password, and beside the seeded account there is none.
bool is_unclaimed(const Tables& tables) {
  if (tables.user_count() > 2) return false;  // the scheduler's is the other one
  const auto users = tables.users();
  return std::none_of(users.begin(), users.end(), [](const User* user) { return user->has_password; }) &&
         std::count_if(users.begin(), users.end(),
                       [](const User* user) { return user->email != kSchedulerEmail; }) <= 1;
}

bool is_email_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}

}  // namespace

const User& user_of_id(const Tables& tables, const std::string& id) {
  const auto* user = tables.user(id);
  if (user == nullptr) throw Error(ErrorKind::not_found, "User not found");
  return *user;
}

void check_password(std::string_view password) {
  // Characters, as people count them.
  const auto length =
      std::count_if(password.begin(), password.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (static_cast<std::size_t>(length) < kShortestPassword)
    throw Error(ErrorKind::bad_request,
                fmt::format("Password must be at least {} characters", kShortestPassword));
  if (password.size() > kLongestPassword)
    throw Error(ErrorKind::bad_request, fmt::format("Password must be at most {} bytes", kLongestPassword));
}

std::string problem_with_email(std::string_view email) {
  constexpr const char* kNone = "not an email address";
  const auto at = email.find('@');
  if (email.size() > 254 || at == std::string_view::npos || at == 0 || at > 64) return kNone;
  const auto local = email.substr(0, at), domain = email.substr(at + 1);
  if (!std::all_of(local.begin(), local.end(), is_email_character)) return kNone;
  if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) return kNone;
  for (const auto& label : split(domain, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return kNone;
    if (!std::all_of(label.begin(), label.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        }))
      return kNone;
  }
  return "";
}

namespace {

// The rules for all accounts, told to the operator who set the variables. Accounts that are there stay as they are.
void check_seed_email(const std::string& email) {
  if (const auto problem = problem_with_email(email); !problem.empty())
    throw Error(ErrorKind::invalid,
                fmt::format("no account can be made for {}: {}; correct SEED_ADMIN_EMAIL and start again",
                            escape_control(email), problem));
}

void check_seed_password(const std::string& password) {
  try {
    check_password(password);
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid,
                fmt::format("SEED_ADMIN_PASSWORD: {}; choose another one and start again", error.what()));
  }
}

}  // namespace

bool is_outside_group(const Group& group, const Settings& settings) {
  if (group.created_by == "system:google-sync") return true;
  return group.is_system && ((group.name == state::kAdminGroup && !settings.admin_group_email.empty()) ||
                             (group.name == state::kEveryoneGroup && !settings.everyone_group_email.empty()));
}

bool is_outside_user(const Tables& tables, std::string_view user_id, const Settings& settings) {
  for (const auto* member : tables.memberships_of(user_id)) {
    const auto* group = tables.group(member->group_id);
    if (group->created_by == "system:google-sync") return true;
    if (member->source == "google_sync" && is_outside_group(*group, settings)) return true;
  }
  return false;
}

void Users::guard_outside(const Tables& tables, const std::string& id) const {
  if (is_outside_user(tables, id, settings_))
    throw Error(ErrorKind::conflict, "this account belongs to the company's directory: change it there");
}

User Users::create(const Actor& actor, const std::string& email, const std::string& name) {
  return directory_.change([&](Change& change) {
    if (change.tables().user_by_email(email) != nullptr)
      throw Error(ErrorKind::conflict, "User with this email already exists");
    const auto user = add_user(change, email, name);
    change.record(actor, "user.create", "user:" + user.id, {{"email", email}});
    return user;
  });
}

User Users::update(const Actor& actor, const std::string& id, const std::optional<std::string>& name,
                   std::optional<bool> active) {
  return directory_.change([&](Change& change) {
    const auto& tables = change.tables();
    User user = user_of_id(tables, id);
    if (!name && !active) return user;
    if (active == false) {
      if (id == actor.id) throw Error(ErrorKind::conflict, "Cannot deactivate yourself");
      if (user.active && tables.is_admin(id) && tables.active_admins() <= 1)
        throw Error(ErrorKind::conflict, "Cannot deactivate the last active admin");
    }
    boost::json::object params;
    if (name) {
      user.name = name;
      params["name"] = *name;
    }
    if (active) {
      user.active = *active;
      user.deactivated_at = *active ? std::optional<Timestamp>{} : now();
      const auto by = *active ? std::optional<std::string>{} : actor.id;
      params["active"] = *active;
      params["deactivated_by"] = by ? boost::json::value(*by) : nullptr;
      change.tx().execute("UPDATE users SET deactivated_by = ? WHERE id = ?", by, id);
    }
    change.put(user);
    change.record(actor, "user.update", "user:" + id, std::move(params));
    return user;
  });
}

void Users::remove(const Actor& actor, const std::string& id) {
  directory_.change([&](Change& change) {
    const auto& tables = change.tables();
    const auto& user = user_of_id(tables, id);
    if (id == actor.id) throw Error(ErrorKind::conflict, "Cannot delete yourself");
    guard_outside(tables, id);
    if (user.active && tables.is_admin(id) && tables.active_admins() <= 1)
      throw Error(ErrorKind::conflict, "Cannot delete the last active admin");
    change.erase_user(id);
    change.record(actor, "user.delete", "user:" + id, {{"email", user.email}});
  });
}

void Users::set_password(const Actor& actor, const std::string& id, std::string_view password) {
  check_password(password);
  directory_.read([&](const Tables& tables) {
    user_of_id(tables, id);
    guard_outside(tables, id);
  });
  const auto hash = passwords_.hash(password);
  directory_.change([&](Change& change) {
    const auto& user = user_of_id(change.tables(), id);
    guard_outside(change.tables(), id);
    change.set_password(id, hash);
    change.record(actor, "user.set_password", "user:" + id, {{"email", user.email}});
  });
}

void Users::set_onboarded(const Actor& actor, bool onboarded, const std::string& trigger) {
  directory_.change([&](Change& change) {
    User user = user_of_id(change.tables(), actor.id);
    if (user.onboarded == onboarded) return;
    user.onboarded = onboarded;
    change.put(user);
    change.record(actor, onboarded ? "user_onboarded" : "user_offboarded", "", {{"source", trigger}}, "ok");
  });
}

User Users::sign_in(std::string_view email, std::string_view password, const std::string& address) {
  const auto found = directory_.read([&](const Tables& tables) {
    const auto* user = tables.user_by_email(trim(email));
    return user != nullptr ? std::optional(*user) : std::nullopt;
  });
  const std::string id = found ? found->id : std::string();
  // An unknown account takes the same steps, so that it cannot be told by the time.
  auto hash = directory_.store().read([&](state::Tx& tx) {
    return tx.scalar<std::string>("SELECT password_hash FROM users WHERE id = ?", id);
  });
  if (password.size() > kLongestPassword || hash == "") hash.reset();
  const bool right = passwords_.verify(hash, password.substr(0, kLongestPassword));
  const auto note = [&](const char* action, const char* result) {
    try {
      directory_.store().write([&](state::Tx& tx) {
        state::record(tx, Actor{id, "", address}, action, "auth", {}, result);
      });
    } catch (const std::exception& error) {
      log::error("a sign-in could not be audited: {}", error.what());
    }
  };
  if (!right) {
    note("login_failed", found ? "invalid_password" : "unknown_account");
    throw Error(ErrorKind::unauthenticated, std::string(kWrong));
  }
  if (!found->active) {
    note("login_failed", "deactivated");
    throw Error(ErrorKind::unauthenticated, "Account deactivated");
  }
  note("token_created", "");
  return *found;
}

// Whether somebody has come into this account without a password: it is theirs then.
bool Users::is_in_use(const Tables& tables, const User& user) const {
  return claimed_.contains(user.id) || user.onboarded || !tables.tokens_of(user.id).empty();
}

bool Users::can_bootstrap() const {
  return directory_.read([&](const Tables& tables) {
    if (!is_unclaimed(tables)) return false;
    const auto users = tables.users();
    return std::none_of(users.begin(), users.end(), [&](const User* user) {
      return user->email != kSchedulerEmail && is_in_use(tables, *user);
    });
  });
}

User Users::bootstrap(const std::string& email, const std::string& name, std::string_view password,
                      const std::string& address) {
  const auto claimed = [] {
    return Error(ErrorKind::forbidden,
                 "Bootstrap disabled: this server has accounts already. Sign in instead");
  };
  const auto account = [&](const Tables& tables) -> const User* {
    if (!is_unclaimed(tables)) throw claimed();
    for (const auto* user : tables.users()) {
      if (user->email == kSchedulerEmail) continue;
      if (!iequals(user->email, email))
        throw Error(ErrorKind::forbidden, "Bootstrap is open for the seeded account only (SEED_ADMIN_EMAIL)");
      if (is_in_use(tables, *user)) throw claimed();
      return user;
    }
    return nullptr;
  };
  directory_.read([&](const Tables& tables) { account(tables); });
  check_password(password);
  const auto hash = passwords_.hash(password);
  return directory_.change([&](Change& change) {
    const auto* seeded = account(change.tables());
    User owner = seeded != nullptr
                     ? *seeded
                     : add_user(change, email, name.empty() ? email.substr(0, email.find('@')) : name);
    change.set_password(owner.id, hash);
    owner.has_password = true;
    change.record({owner.id, owner.email, address},
                  seeded != nullptr ? "bootstrap_activated_seed" : "bootstrap_completed", "auth");
    seed_admin(change, owner.id, "auth.bootstrap");
    return owner;
  });
}

void Users::seed() {
  const auto ensure = [&](const std::string& email, const char* name, const std::string& password,
                          const char* by) {
    const auto found = directory_.read([&](const Tables& tables) {
      const auto* user = tables.user_by_email(email);
      return user != nullptr ? std::optional(*user) : std::nullopt;
    });
    const bool admin = found && directory_.is_admin(found->id);
    const bool set = !password.empty() && (!found || !found->has_password);
    if (found && admin && !set) return;
    if (!found) check_seed_email(email);
    if (set) check_seed_password(password);
    const auto hash = set ? std::optional(passwords_.hash(password)) : std::nullopt;
    directory_.change([&](Change& change) {
      const User user = found ? *found : add_user(change, email, name);
      if (hash) change.set_password(user.id, *hash);
      seed_admin(change, user.id, by);
    });
    log::info("the account {} is there as an admin", email);
  };
  if (!settings_.seed_admin_email.empty())
    ensure(settings_.seed_admin_email, "Admin", settings_.seed_admin_password, "app.main:seed_admin");
  if (settings_.local_dev && settings_.local_dev_email != settings_.seed_admin_email)
    ensure(settings_.local_dev_email, "Developer", "", "app.main:seed_admin");
  if (!settings_.scheduler_token.empty())
    ensure(std::string(kSchedulerEmail), "Scheduler", "", "app.auth.scheduler_token:ensure_scheduler_user");
  if (can_bootstrap() && !settings_.local_dev)
    log::warn(
        "nobody has a password: /first-time-setup and POST /auth/bootstrap give this server to whoever comes "
        "first");
}

}  // namespace agnes::identity
