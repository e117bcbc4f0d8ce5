#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "core/identity/actor.h"
#include "core/identity/directory.h"
#include "core/identity/ended_sessions.h"
#include "core/identity/settings.h"

namespace agnes::identity {

// Sessions and personal access tokens: made, checked, revoked. Thread-safe.
class Tokens {
 public:
  Tokens(Directory& directory, const Settings& settings);
  // Writes what is still to be written.
  ~Tokens();

  // A day's session of `user`.
  std::string make_session(const User& user) const;

  // Signs out: the session of this id is not taken any more, also after a restart. Throws Error when that cannot be kept.
  void end_session(const Actor& actor, const std::string& id);

  struct TokenRequest {
    std::string name;
    std::optional<std::int64_t> seconds;  // of life; none: it never expires
    std::string scope = "general";        // "bootstrap-analyst" lives an hour at most
  };
  struct CreatedToken {
    Token token;
    std::string text;  // shown to its owner once and kept nowhere
  };
  // Throws Error (`conflict`) when the account has kMostLive that still work.
  // Of its tokens that do not work any more the oldest are forgotten, so that it has kMostKept in all.
  static constexpr std::int64_t kMostLive = 200;
  static constexpr std::size_t kMostKept = 1000;
  CreatedToken create(const Actor& actor, const TokenRequest& wish);

  // With the latest use, written or not yet; newest first. Nothing when there is none of the id.
  std::optional<Token> get(std::string_view id) const;
  std::vector<Token> of(std::string_view user_id) const;
  std::vector<Token> all() const;

  // Its owner's way, and an admin's. Throws Error (`not_found`) for a token that is unknown or another's.
  void revoke(const Actor& actor, const std::string& id);
  void revoke_any(const Actor& actor, const std::string& id);

  // Who `text` speaks for: a session, a personal token or the scheduler's secret. Otherwise nothing, with the
  // reason to show in `reason`. Needs no database; uses are noted in memory, written within half a minute,
  // and audited when a token comes from a new address.
  std::optional<http::Caller> resolve(std::string_view text, std::string_view address, std::string& reason);
  // Everybody's caller in LOCAL_DEV_MODE.
  std::optional<http::Caller> developer() const;

  // Writes noted uses now.
  void flush();

 private:
  struct Use {
    Timestamp at;
    std::string address;
    bool from_new_address = false, written = true;
    std::string user_id, previous_address;
  };
  void note_use(const Token& token, std::string_view address, Timestamp moment);
  Token with_use(const Token& token) const;
  void flush_until_stopped();
  void revoke_checked(const Actor& actor, const std::string& id, bool as_admin);

  Directory& directory_;
  const Settings& settings_;
  EndedSessions ended_;

  std::mutex flush_mutex_;  // held over a whole flush: when one returns, nothing is half way
  mutable std::mutex uses_mutex_;
  std::condition_variable wake_;
  std::unordered_map<std::string, Use> uses_;  // by token
  bool stopping_ = false, hurry_ = false;
  std::thread flusher_;
};

}  // namespace agnes::identity
