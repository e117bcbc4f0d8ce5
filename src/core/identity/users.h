#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/identity/actor.h"
#include "core/identity/claimed_accounts.h"
#include "core/identity/directory.h"
#include "core/identity/passwords.h"
#include "core/identity/settings.h"

namespace agnes::identity {

inline constexpr std::size_t kShortestPassword = 8;
inline constexpr std::size_t kLongestPassword = 1024;
inline constexpr std::string_view kSchedulerEmail = "scheduler@system.local";

// Says what is wrong with a new account's address; "" when nothing is. Only ASCII, so that no two addresses
// look alike.
std::string problem_with_email(std::string_view email);
// Throws Error (`bad_request`) for one that is too short or too long.
void check_password(std::string_view password);
// Throws Error (`not_found`).
const User& user_of_id(const Tables& tables, const std::string& id);

// Accounts. Every change is audited and holds at once. Errors: `not_found`, `conflict`, `bad_request`.
// Thread-safe.
class Users {
 public:
  Users(Directory& directory, Passwords& passwords, const Settings& settings)
      : directory_(directory), passwords_(passwords), settings_(settings), claimed_(directory) {}

  // Addresses that differ only in case are one account.
  User create(const Actor& actor, const std::string& email, const std::string& name);
  // What is not given stays. The last active admin and the actor's own account stay active.
  User update(const Actor& actor, const std::string& id, const std::optional<std::string>& name,
              std::optional<bool> active);
  // With memberships; their tokens end to work. Not the last active admin, nor the actor.
  void remove(const Actor& actor, const std::string& id);
  void set_password(const Actor& actor, const std::string& id, std::string_view password);
  void set_onboarded(const Actor& actor, bool onboarded, const std::string& trigger);

  // What a link is for: setting the first password (good for seven days), a new one (a day), or signing in
  // (an hour). Each works once. The last two share one place: making one ends the other.
  enum class Link { setup, reset, sign_in };
  BOOST_DESCRIBE_NESTED_ENUM(Link, setup, reset, sign_in)
  // A secret for a link by which the user sets a password; only its hash is kept.
  std::string make_link(const Actor& actor, const std::string& id, Link kind);

  struct LinkRequest {
    std::string email;  // the account's, as it is stored: mails go to no other
    std::string secret;
  };
  // The same for somebody who is not known and names only an address; a link that was asked for before, is not used and has
  // half of its time left is given again. Nothing when there is no account that
  // may have such a link: unknown, deactivated, kept by an outside directory (whose passwords are not ours),
  // or, for setup, with a password.
  std::optional<LinkRequest> request_link(Link kind, std::string_view email, const std::string& address);

  // Sets the password by such a link. `name` replaces the account's when it is not empty. Throws Error
  // (`bad_request`) with the same words whatever is wrong with the link.
  User use_link(Link kind, const std::string& email, std::string_view secret, std::string_view password,
                const std::string& name, const std::string& address);
  // The account of a link for signing in; the link is used up. Throws Error (`unauthenticated`) with the same
  // words whatever is wrong with it; of many at once, one gets through.
  User sign_in_by_link(const std::string& email, std::string_view secret, const std::string& address);

  // The account when the password is right. Throws Error (`unauthenticated`) with the same words, after the
  // same time, for an unknown account, one without a password and a wrong password; only the right password
  // learns that its account is deactivated.
  User sign_in(std::string_view email, std::string_view password, const std::string& address);

  // The account is its owner's from now on: call it before an answer lets somebody in who showed no password.
  void claim(const User& user) { claimed_.add(user); }

  // Claims a server on which nobody has a password: sets that of the only account, the seeded one, or makes
  // the first one; its owner becomes admin. Throws Error (`forbidden`) otherwise; of many at once, one
  // succeeds.
  User bootstrap(const std::string& email, const std::string& name, std::string_view password,
                 const std::string& address);
  // Whether that is open.
  bool can_bootstrap() const;

  // The accounts that settings ask for: seeded admin and scheduler.
  void seed();

 private:
  void guard_outside(const Tables& tables, const std::string& id) const;
  bool is_in_use(const Tables& tables, const User& user) const;

  Directory& directory_;
  Passwords& passwords_;
  const Settings& settings_;
  ClaimedAccounts claimed_;
};

// Whether an outside directory owns the group or account, so that changes belong there.
bool is_outside_group(const Group& group, const Settings& settings);
bool is_outside_user(const Tables& tables, std::string_view user_id, const Settings& settings);

}  // namespace agnes::identity
