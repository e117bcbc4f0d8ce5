#include <fmt/format.h>

#include "core/identity/users.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

// Links by which the owner of an address gets into their account.
namespace agnes::identity {

namespace {

using Link = Users::Link;

std::string column_of(Link kind) {
  return kind == Link::setup ? "setup_token" : "reset_token";
}
std::int64_t lifetime(Link kind) {
  constexpr std::int64_t kHour = 3600, kDay = 24 * kHour;
  return kind == Link::setup ? 7 * kDay : kind == Link::reset ? kDay : kHour;
}

// Two kinds share a column: the form tells them apart, so that neither does the other's work.
std::string kept_form(Link kind, std::string_view secret) {
  return (kind == Link::sign_in ? "sha256-sign-in:" : "sha256:") + sha256_hex(secret);
}

struct KeptLink {
  std::optional<std::string> token;
  std::optional<Timestamp> created;
};
BOOST_DESCRIBE_STRUCT(KeptLink, (), (token, created))

// Links that the Python server sent are kept as they are, in letters that have no ':'; what has one is a hash
// of ours or that server's mark of a link that is used up, and never the secret itself.
bool opens(Link kind, const KeptLink& kept, std::string_view secret) {
  if (!kept.token || kept.token->empty() || !kept.created) return false;
  if (now() > plus_seconds(*kept.created, lifetime(kind))) return false;
  const bool plain = kept.token->find(':') == std::string::npos;
  return constant_time_equal(*kept.token, plain ? std::string(secret) : kept_form(kind, secret));
}

// The secret of a link follows from when it was made and the server's own secret. So the same link can be sent again,
// though only its hash is kept, and one more request does not end the link that somebody is about to open.
std::string secret_of(const Settings& settings, Link kind, const std::string& user_id, Timestamp created) {
  return base64url(hmac_sha256(
      settings.jwt_secret, fmt::format("link {} {} {}", static_cast<int>(kind), user_id, created.micros)));
}

KeptLink kept_link(state::Tx& tx, Link kind, const std::string& user_id) {
  return tx
      .row<KeptLink>(
          fmt::format("SELECT {0} AS token, {0}_created AS created FROM users WHERE id = ?", column_of(kind)),
          user_id)
      .value_or(KeptLink{});
}

// The account that the link leads into; nothing when anything is wrong with it. An unknown account takes the
// same steps.
std::optional<User> account_of(const Tables& tables, state::Tx& tx, Link kind, const std::string& email,
                               std::string_view secret) {
  const auto* user = tables.user_by_email(trim(email));
  const auto kept = kept_link(tx, kind, user != nullptr ? user->id : "");
  if (user == nullptr || !user->active || !opens(kind, kept, secret)) return std::nullopt;
  return *user;
}

// Makes one, and answers its secret.
std::string make(state::Tx& tx, const Settings& settings, const std::string& user_id, Link kind) {
  const auto moment = now();
  auto secret = secret_of(settings, kind, user_id, moment);
  tx.execute(
      fmt::format("UPDATE users SET {0} = ?, {0}_created = ?, updated_at = ? WHERE id = ?", column_of(kind)),
      kept_form(kind, secret), moment, moment, user_id);
  return secret;
}

// The one that is there and has half of its life before it, or another one.
std::string make_or_repeat(state::Tx& tx, const Settings& settings, const std::string& user_id, Link kind) {
  const auto kept = kept_link(tx, kind, user_id);
  if (kept.created && now() < plus_seconds(*kept.created, lifetime(kind) / 2))
    if (auto secret = secret_of(settings, kind, user_id, *kept.created); opens(kind, kept, secret))
      return secret;
  return make(tx, settings, user_id, kind);
}

}  // namespace

std::string Users::make_link(const Actor& actor, const std::string& id, Link kind) {
  return directory_.change([&](Change& change) {
    const auto& user = user_of_id(change.tables(), id);
    guard_outside(change.tables(), id);
    auto secret = make(change.tx(), settings_, id, kind);
    change.record(actor, kind == Link::setup ? "user.invite" : "user.reset_password", "user:" + id,
                  {{"email", user.email}});
    return secret;
  });
}

std::optional<Users::LinkRequest> Users::request_link(Link kind, std::string_view email,
                                                      const std::string& address) {
  const auto account = [&](const Tables& tables) -> std::optional<User> {
    const auto* user = tables.user_by_email(trim(email));
    if (user == nullptr || !user->active || user->email == kSchedulerEmail) return std::nullopt;
    if (kind == Link::setup && user->has_password) return std::nullopt;
    if (kind != Link::sign_in && is_outside_user(tables, user->id, settings_)) return std::nullopt;
    return *user;
  };
  if (!directory_.read(account)) return std::nullopt;
  return directory_.change([&](Change& change) -> std::optional<LinkRequest> {
    const auto user = account(change.tables());
    if (!user) return std::nullopt;
    auto secret = make_or_repeat(change.tx(), settings_, user->id, kind);
    const char* wish = kind == Link::setup ? "setup" : kind == Link::reset ? "reset" : "sign-in";
    change.record({"", "", address}, "link_requested", "user:" + user->id,
                  {{"email", user->email}, {"kind", wish}});
    return LinkRequest{user->email, std::move(secret)};
  });
}

User Users::use_link(Link kind, const std::string& email, std::string_view secret, std::string_view password,
                     const std::string& name, const std::string& address) {
  const auto account = [&](const Tables& tables, state::Tx& tx) {
    auto user = account_of(tables, tx, kind, email, secret);
    if (!user)
      throw Error(ErrorKind::bad_request, "This link is not valid any more: ask an admin for a new one");
    return *user;
  };
  check_password(password);
  // Before the costly hash, and again when it is used up: of many at once, one gets through.
  directory_.store().read([&](state::Tx& tx) {
    return directory_.read([&](const Tables& tables) { return account(tables, tx); });
  });
  const auto hash = passwords_.hash(password);
  return directory_.change([&](Change& change) {
    User user = account(change.tables(), change.tx());
    if (!trim(name).empty()) user.name = std::string(trim(name));
    change.put(user);
    change.set_password(user.id, hash);
    user.has_password = true;
    change.record({user.id, user.email, address}, kind == Link::setup ? "password_setup" : "password_reset",
                  "auth");
    return user;
  });
}

User Users::sign_in_by_link(const std::string& email, std::string_view secret, const std::string& address) {
  const auto account = [&](const Tables& tables, state::Tx& tx) {
    auto user = account_of(tables, tx, Link::sign_in, email, secret);
    if (!user) throw Error(ErrorKind::unauthenticated, "Invalid or expired link: ask for a new one");
    return *user;
  };
  // Most wrong ones need no turn among the writers.
  directory_.store().read([&](state::Tx& tx) {
    return directory_.read([&](const Tables& tables) { return account(tables, tx); });
  });
  const User user = directory_.change([&](Change& change) {
    const User found = account(change.tables(), change.tx());
    change.tx().execute(
        "UPDATE users SET reset_token = NULL, reset_token_created = NULL, updated_at = ? WHERE id = ?", now(),
        found.id);
    change.record({found.id, found.email, address}, "token_created", "auth", {{"by", "email link"}});
    return found;
  });
  claim(user);
  return user;
}

}  // namespace agnes::identity
