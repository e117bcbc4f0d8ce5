#include "core/identity/tokens.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "core/identity/users.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/jose/jwt.h"

namespace agnes::identity {

namespace {

constexpr std::int64_t kSessionSeconds = 24 * 3600;
constexpr std::int64_t kBootstrapSeconds = 3600;
constexpr std::chrono::seconds kFlushEvery{30};
constexpr const char* kInvalid = "Invalid or expired token";

http::Caller caller_of(const Tables& tables, const User& user, http::Caller::TokenKind kind,
                       std::string token_id) {
  return {user.id, user.email, user.name, tables.is_admin(user.id), kind, std::move(token_id)};
}

}  // namespace

Tokens::Tokens(Directory& directory, const Settings& settings)
    : directory_(directory),
      settings_(settings),
      ended_(directory.store().file().parent_path() / "ended_sessions.json"),
      flusher_([this] { flush_until_stopped(); }) {}

Tokens::~Tokens() {
  {
    std::lock_guard lock(uses_mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  flusher_.join();
  flush();
}

std::string Tokens::make_session(const User& user) const {
  const auto moment = seconds(now());
  auto id = uuid4();
  std::erase(id, '-');
  return jose::sign_jwt({user.id, user.email, "session", moment, id, moment + kSessionSeconds, std::nullopt,
                         directory_.read([&](const Tables& tables) {
                           const auto* current = tables.user(user.id);
                           return current != nullptr ? current->password_mark : std::string();
                         })},
                        settings_.jwt_secret);
}

Tokens::CreatedToken Tokens::create(const Actor& actor, const TokenRequest& wish) {
  auto life = wish.seconds;
  if (wish.scope == "bootstrap-analyst") life = std::min(life.value_or(kBootstrapSeconds), kBootstrapSeconds);
  const auto moment = now();
  const auto expires = life ? std::optional(plus_seconds(moment, *life)) : std::nullopt;
  CreatedToken made;
  auto id = uuid4();
  made.text = jose::sign_jwt({actor.id, actor.email, "pat", seconds(moment), id,
                              expires ? std::optional(seconds(*expires)) : std::nullopt, wish.scope},
                             settings_.jwt_secret);
  made.token = {.id = id,
                .user_id = actor.id,
                .name = std::string(trim(wish.name)),
                .token_hash = sha256_hex(made.text),
                .prefix = id.substr(0, 8),
                .created_at = moment,
                .expires_at = expires,
                .last_used_at = std::nullopt,
                .last_used_ip = std::nullopt,
                .revoked_at = std::nullopt};
  directory_.change([&](Change& change) {
    if (change.tables().user(actor.id) == nullptr) throw Error(ErrorKind::not_found, "User not found");
    const auto all = change.tables().tokens_of(actor.id);
    const auto works = [&](const Token* token) {
      return !token->revoked_at && (!token->expires_at || *token->expires_at > moment);
    };
    const auto live = std::count_if(all.begin(), all.end(), works);
    if (live >= kMostLive)
      throw Error(ErrorKind::conflict,
                  fmt::format("an account has {} tokens at most that work: revoke one first", kMostLive));
    auto kept = all.size();
    for (auto token = all.rbegin(); token != all.rend() && kept >= kMostKept; ++token) {
      if (works(*token)) continue;
      change.erase_token((*token)->id);
      --kept;
    }
    const auto& token = made.token;
    change.put(token);
    change.record(actor, "token.create", "token:" + token.id, {{"name", token.name}, {"scope", wish.scope}});
  });
  return made;
}

void Tokens::end_session(const Actor& actor, const std::string& id) {
  if (id.empty()) return;
  ended_.add(id, plus_seconds(now(), kSessionSeconds));
  directory_.store().write([&](state::Tx& tx) { state::record(tx, actor, "sign_out", "auth"); });
}

std::optional<Token> Tokens::get(std::string_view id) const {
  return directory_.read([&](const Tables& tables) {
    const auto* token = tables.token(id);
    return token != nullptr ? std::optional(with_use(*token)) : std::nullopt;
  });
}
std::vector<Token> Tokens::of(std::string_view user_id) const {
  return directory_.read([&](const Tables& tables) {
    std::vector<Token> out;
    for (const auto* token : tables.tokens_of(user_id)) out.push_back(with_use(*token));
    return out;
  });
}
std::vector<Token> Tokens::all() const {
  return directory_.read([&](const Tables& tables) {
    std::vector<Token> out;
    for (const auto* token : tables.tokens()) out.push_back(with_use(*token));
    return out;
  });
}

void Tokens::revoke(const Actor& actor, const std::string& id) {
  revoke_checked(actor, id, false);
}
void Tokens::revoke_any(const Actor& actor, const std::string& id) {
  revoke_checked(actor, id, true);
}

void Tokens::revoke_checked(const Actor& actor, const std::string& id, bool as_admin) {
  directory_.change([&](Change& change) {
    const auto* found = change.tables().token(id);
    if (found == nullptr || (!as_admin && found->user_id != actor.id))
      throw Error(ErrorKind::not_found, "Token not found");
    Token token = *found;
    if (!token.revoked_at) token.revoked_at = now();  // the first time counts
    change.put(token);
    if (as_admin)
      change.record(actor, "token.admin_revoke", "token:" + id, {{"owner_id", token.user_id}});
    else
      change.record(actor, "token.revoke", "token:" + id);
  });
}

std::optional<http::Caller> Tokens::resolve(std::string_view text, std::string_view address,
                                            std::string& reason) {
  using Kind = http::Caller::TokenKind;
  if (!settings_.scheduler_token.empty() && constant_time_equal(text, settings_.scheduler_token))
    return directory_.read([&](const Tables& tables) -> std::optional<http::Caller> {
      const auto* user = tables.user_by_email(kSchedulerEmail);
      if (user != nullptr && user->active) return caller_of(tables, *user, Kind::scheduler, "");
      reason = "Scheduler user not provisioned";
      return std::nullopt;
    });
  const auto moment = now();
  const auto claims = jose::verify_jwt(text, settings_.jwt_secret, seconds(moment));
  if (!claims) {
    reason = kInvalid;
    return std::nullopt;
  }
  const bool personal = claims->typ == "pat";
  const auto hash = personal ? sha256_hex(text) : std::string();
  return directory_.read([&](const Tables& tables) -> std::optional<http::Caller> {
    const auto refuse = [&](const char* why) {
      reason = why;
      return std::nullopt;
    };
    const auto* user = tables.user(claims->sub);
    if (user == nullptr) return refuse("User not found");
    if (!user->active) return refuse("Account deactivated");
    // Sessions of the Python implementation hold no mark; they last a day at most.
    if (!personal && claims->password && *claims->password != user->password_mark)
      return refuse("Session ended: the password was changed");
    if (!personal && ended_.contains(claims->jti)) return refuse("Session ended: signed out");
    if (!personal) return caller_of(tables, *user, Kind::session, claims->jti);
    const auto* token = tables.token(claims->jti);
    if (token == nullptr) return refuse("Token unknown");
    if (token->revoked_at) return refuse("Token revoked");
    if (token->expires_at && *token->expires_at <= moment) return refuse("Token expired");
    if (token->user_id != user->id || !constant_time_equal(token->token_hash, hash))
      return refuse("Token mismatch");
    note_use(*token, address, moment);
    return caller_of(tables, *user, Kind::pat, token->id);
  });
}

std::optional<http::Caller> Tokens::developer() const {
  return directory_.read([&](const Tables& tables) -> std::optional<http::Caller> {
    const auto* user = tables.user_by_email(settings_.local_dev_email);
    if (user == nullptr) return std::nullopt;
    return caller_of(tables, *user, http::Caller::TokenKind::local_dev, "");
  });
}

void Tokens::note_use(const Token& token, std::string_view address, Timestamp moment) {
  std::lock_guard lock(uses_mutex_);
  auto [at, first] = uses_.try_emplace(token.id);
  Use& use = at->second;
  if (first && token.last_used_at) use.address = token.last_used_ip.value_or("");
  const bool used_before = !first || token.last_used_at.has_value();
  if (used_before && !address.empty() && use.address != address && !use.from_new_address) {
    use.from_new_address = true;
    use.previous_address = use.address;
    use.user_id = token.user_id;
    hurry_ = true;
    wake_.notify_one();
  }
  use.at = moment;
  use.address = address;
  use.written = false;
}

Token Tokens::with_use(const Token& token) const {
  Token out = token;
  std::lock_guard lock(uses_mutex_);
  if (const auto use = uses_.find(token.id); use != uses_.end()) {
    out.last_used_at = use->second.at;
    out.last_used_ip = use->second.address.empty() ? std::optional<std::string>{} : use->second.address;
  }
  return out;
}

void Tokens::flush() {
  std::lock_guard one_at_a_time(flush_mutex_);
  std::vector<std::pair<std::string, Use>> due;
  {
    std::lock_guard lock(uses_mutex_);
    hurry_ = false;
    for (auto& [id, use] : uses_) {
      if (use.written) continue;
      due.emplace_back(id, use);
      use.written = true;
      use.from_new_address = false;
    }
  }
  if (due.empty()) return;
  try {
    directory_.store().write([&](state::Tx& tx) {
      for (const auto& [id, use] : due) {
        const auto address = use.address.empty() ? std::optional<std::string>{} : use.address;
        tx.execute("UPDATE personal_access_tokens SET last_used_at = ?, last_used_ip = ? WHERE id = ?",
                   use.at, address, id);
        if (use.from_new_address)
          state::record(tx, {use.user_id, "", use.address}, "token.first_use_new_ip", "token:" + id,
                        {{"ip", use.address},
                         {"previous_ip", use.previous_address.empty() ? boost::json::value(nullptr)
                                                                      : use.previous_address.c_str()}});
      }
    });
  } catch (const std::exception& error) {
    log::warn("the last use of {} tokens could not be written and is tried again: {}", due.size(),
              error.what());
    std::lock_guard lock(uses_mutex_);
    for (const auto& [id, use] : due) {
      auto& kept = uses_[id];
      kept.written = false;
      if (use.from_new_address && !kept.from_new_address) {
        kept.from_new_address = true;
        kept.previous_address = use.previous_address;
        kept.user_id = use.user_id;
      }
    }
  }
}

void Tokens::flush_until_stopped() {
  std::unique_lock lock(uses_mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, kFlushEvery, [&] { return stopping_ || hurry_; });
    lock.unlock();
    flush();
    lock.lock();
  }
}

}  // namespace agnes::identity
