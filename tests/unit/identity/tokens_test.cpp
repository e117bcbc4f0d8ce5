#include "fixture.h"
#include "lib/base/hash.h"
#include "lib/jose/jwt.h"

namespace agnes::identity {
namespace {

TEST_F(AccessTest, ASessionEndsThoughTheDiskDoesNotTakeIt) {
  const auto ana = add_user("ana@example.com");
  const auto session = access_.tokens().make_session(ana);
  const auto id = resolve(session)->token_id;
  // Nothing can be renamed over a folder with something in it.
  fs::create_directories(store_.file().parent_path() / "ended_sessions.json" / "x");
  EXPECT_ANY_THROW(access_.tokens().end_session({ana.id, ana.email, ""}, id));
  EXPECT_FALSE(resolve(session));
  EXPECT_EQ(reason_, "Session ended: signed out");
}

TEST_F(AccessTest, AnAccountHasSoManyTokensAtMost) {
  const auto ana = add_user("ana@example.com"), bob = add_user("bob@example.com");
  const Actor actor{ana.id, ana.email, ""};
  auto& tokens = access_.tokens();
  std::string last;
  for (std::int64_t i = 0; i < Tokens::kMostLive; ++i)
    last = tokens.create(actor, {.name = "one", .seconds = 3600}).token.id;
  const auto more = [&] { tokens.create(actor, {.name = "one too many", .seconds = {}}); };
  EXPECT_EQ(kind_of(more), ErrorKind::conflict);
  tokens.create({bob.id, bob.email, ""}, {.name = "another's", .seconds = {}});
  tokens.revoke(actor, last);
  more();
}

TEST_F(AccessTest, TokensThatDoNotWorkAnyMoreAreForgottenWhenThereAreMany) {
  const auto ana = add_user("ana@example.com");
  const Actor actor{ana.id, ana.email, ""};
  auto& tokens = access_.tokens();
  const auto live = tokens.create(actor, {.name = "laptop", .seconds = {}});
  const std::string first = "token-1000";
  access_.directory().change([&](Change& change) {
    for (std::size_t i = 1; i < Tokens::kMostKept; ++i) {
      Token dead = live.token;
      dead.id = fmt::format("token-{}", 999 + i);
      dead.created_at = plus_seconds(*live.token.created_at, static_cast<std::int64_t>(i));
      dead.revoked_at = dead.created_at;
      change.put(dead);
    }
  });
  EXPECT_EQ(tokens.of(ana.id).size(), Tokens::kMostKept);
  ASSERT_TRUE(tokens.get(first));
  const auto last = tokens.create(actor, {.name = "one more", .seconds = {}});
  EXPECT_FALSE(tokens.get(first));
  EXPECT_EQ(tokens.of(ana.id).size(), Tokens::kMostKept);
  EXPECT_EQ(count("SELECT count(*) FROM personal_access_tokens"), Tokens::kMostKept);
  EXPECT_TRUE(resolve(live.text)) << "though it is the oldest";
  EXPECT_TRUE(resolve(last.text));
}

TEST_F(AccessTest, TokensAreWhatTheySay) {
  const auto ana = add_user("ana@example.com"), bob = add_user("bob@example.com");
  const Actor actor{ana.id, ana.email, "10.0.0.1"};
  auto& tokens = access_.tokens();
  const auto made = tokens.create(actor, {.name = " laptop ", .seconds = 3600});
  EXPECT_EQ(made.token.name, "laptop");
  EXPECT_EQ(made.token.prefix, made.token.id.substr(0, 8));
  EXPECT_EQ(
      count("SELECT count(*) FROM personal_access_tokens WHERE token_hash = '" + sha256_hex(made.text) + "'"),
      1);
  const auto caller = resolve(made.text);
  ASSERT_TRUE(caller) << reason_;
  EXPECT_EQ(caller->user_id, ana.id);
  EXPECT_EQ(caller->token_id, made.token.id);
  EXPECT_EQ(caller->token_kind, http::Caller::TokenKind::pat);
  EXPECT_FALSE(caller->is_admin);

  EXPECT_TRUE(resolve(tokens.make_session(ana)));
  EXPECT_EQ(resolve(settings().scheduler_token)->token_kind, http::Caller::TokenKind::scheduler);
  EXPECT_TRUE(resolve(settings().scheduler_token)->is_admin);
  EXPECT_FALSE(resolve(settings().scheduler_token.substr(1)));
  EXPECT_FALSE(resolve(""));

  const auto secret = settings().jwt_secret;
  const auto moment = seconds(now());
  const auto refused = [&](const std::string& text, const char* why) {
    EXPECT_FALSE(resolve(text));
    EXPECT_EQ(reason_, why);
  };
  refused(made.text.substr(0, made.text.size() - 3), "Invalid or expired token");
  refused(jose::sign_jwt({ana.id, ana.email, "pat", moment, "no-such-id", moment + 60, {}}, secret),
          "Token unknown");
  // Signed with the right key, but not the token that was given out.
  refused(jose::sign_jwt({ana.id, ana.email, "pat", moment, made.token.id, moment + 60, {}}, secret),
          "Token mismatch");
  refused(jose::sign_jwt({bob.id, bob.email, "pat", moment, made.token.id, moment + 60, {}}, secret),
          "Token mismatch");
  refused(jose::sign_jwt({"ghost", "", "session", moment, "j", moment + 60, {}}, secret), "User not found");
  store_.write([&](state::Tx& tx) {
    tx.execute("UPDATE personal_access_tokens SET expires_at = ? WHERE id = ?", plus_seconds(now(), -1),
               made.token.id);
  });
  {
    Identity later(store_, settings());
    std::string why;
    EXPECT_FALSE(later.tokens().resolve(made.text, "", why));
    EXPECT_EQ(why, "Token expired") << "the database's expiry holds too";
  }
  EXPECT_EQ(kind_of([&] { tokens.revoke({bob.id, bob.email, ""}, made.token.id); }), ErrorKind::not_found);
  tokens.revoke(actor, made.token.id);
  refused(made.text, "Token revoked");
  const auto session = tokens.make_session(ana);
  access_.users().update(kNobody, ana.id, std::nullopt, false);
  refused(session, "Account deactivated");
  access_.users().remove(kNobody, ana.id);
  refused(session, "User not found");
  expect_memory_is_database();
}

TEST_F(AccessTest, ABootstrapTokenLivesAnHour) {
  const auto ana = add_user("ana@example.com");
  for (const auto& wish : {std::optional<std::int64_t>{}, std::optional<std::int64_t>{86400}}) {
    const auto made = access_.tokens().create({ana.id, ana.email, ""},
                                              {.name = "t", .seconds = wish, .scope = "bootstrap-analyst"});
    EXPECT_LE(seconds(*made.token.expires_at), seconds(now()) + 3600);
  }
  const auto forever =
      access_.tokens().create({ana.id, ana.email, ""}, {.name = "t", .seconds = std::nullopt});
  EXPECT_FALSE(forever.token.expires_at);
  EXPECT_TRUE(resolve(forever.text));
}

TEST_F(AccessTest, UsesAreSeenAtOnceAndWrittenInBatches) {
  const auto ana = add_user("ana@example.com");
  const auto made = access_.tokens().create({ana.id, ana.email, ""}, {.name = "t", .seconds = 60});
  EXPECT_FALSE(access_.tokens().get(made.token.id)->last_used_at);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(resolve(made.text));
  EXPECT_TRUE(access_.tokens().get(made.token.id)->last_used_at);
  EXPECT_EQ(access_.tokens().of(ana.id)[0].last_used_ip, "10.0.0.1");
  access_.tokens().flush();
  EXPECT_EQ(count("SELECT count(*) FROM personal_access_tokens WHERE last_used_ip = '10.0.0.1'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM audit_log WHERE action = 'token.first_use_new_ip'"), 0);
  ASSERT_TRUE(resolve(made.text, "10.9.9.9"));
  access_.tokens().flush();
  EXPECT_EQ(count("SELECT count(*) FROM personal_access_tokens WHERE last_used_ip = '10.9.9.9'"), 1);
}

TEST_F(AccessTest, AUseFromANewAddressIsAudited) {
  const auto ana = add_user("ana@example.com");
  const auto made = access_.tokens().create({ana.id, ana.email, ""}, {.name = "t", .seconds = 60});
  {
    Identity other(store_, settings());
    std::string why;
    ASSERT_TRUE(other.tokens().resolve(made.text, "10.0.0.1", why));
    ASSERT_TRUE(other.tokens().resolve(made.text, "10.0.0.2", why));
  }
  EXPECT_EQ(count("SELECT count(*) FROM audit_log WHERE action = 'token.first_use_new_ip' "
                  "AND (params->>'previous_ip') = '10.0.0.1' AND (params->>'ip') = '10.0.0.2'"),
            1);
}

const Timestamp kMorning = parse_timestamp("2030-01-01T10:00:00").value();

TEST_F(AccessTest, ASessionLastsADay) {
  const auto ana = add_user("ana@example.com");
  FakeClock clock(kMorning);
  const auto session = access_.tokens().make_session(ana);
  clock.advance(24 * 3600 - 1);
  EXPECT_TRUE(resolve(session)) << reason_;
  clock.advance(1);
  EXPECT_FALSE(resolve(session));
  EXPECT_EQ(reason_, "Invalid or expired token");
}

TEST_F(AccessTest, ATokenEndsAtItsSecond) {
  const auto ana = add_user("ana@example.com");
  FakeClock clock(kMorning);
  auto& tokens = access_.tokens();
  const auto made = tokens.create({ana.id, ana.email, ""}, {.name = "t", .seconds = 60});
  const auto forever = tokens.create({ana.id, ana.email, ""}, {.name = "f", .seconds = std::nullopt});
  EXPECT_EQ(made.token.created_at, kMorning);
  EXPECT_EQ(made.token.expires_at, plus_seconds(kMorning, 60));
  clock.advance(59);
  EXPECT_TRUE(resolve(made.text)) << reason_;
  EXPECT_EQ(tokens.get(made.token.id)->last_used_at, plus_seconds(kMorning, 59));
  clock.advance(1);
  EXPECT_FALSE(resolve(made.text));
  EXPECT_EQ(tokens.get(made.token.id)->last_used_at, plus_seconds(kMorning, 59)) << "that was no use of it";
  EXPECT_EQ(tokens.of(ana.id).size(), 2u) << "it is still listed";
  clock.advance(100LL * 366 * 24 * 3600);
  EXPECT_TRUE(resolve(forever.text)) << reason_;
}

TEST_F(AccessTest, ATokenIsRevokedOnceByItsOwnerOrAnAdmin) {
  const auto ana = add_user("ana@example.com");
  const Actor actor{ana.id, ana.email, ""}, root{user_id("root@example.com"), "root@example.com", ""};
  FakeClock clock(kMorning);
  auto& tokens = access_.tokens();
  const auto own = tokens.create(actor, {.name = "own", .seconds = std::nullopt});
  const auto other = tokens.create(actor, {.name = "other", .seconds = std::nullopt});
  tokens.revoke(actor, own.token.id);
  clock.advance(60);
  tokens.revoke(actor, own.token.id);
  EXPECT_EQ(tokens.get(own.token.id)->revoked_at, kMorning) << "the first time counts";
  EXPECT_EQ(kind_of([&] { tokens.revoke(root, other.token.id); }), ErrorKind::not_found);
  EXPECT_TRUE(resolve(other.text)) << reason_;
  tokens.revoke_any(root, other.token.id);
  EXPECT_EQ(kind_of([&] { tokens.revoke_any(root, "no-such-id"); }), ErrorKind::not_found);
  for (const auto& text : {own.text, other.text}) {
    EXPECT_FALSE(resolve(text));
    EXPECT_EQ(reason_, "Token revoked");
  }
  EXPECT_EQ(count("SELECT count(*) FROM audit_log WHERE action = 'token.admin_revoke' AND "
                  "(params->>'owner_id') = '" +
                  ana.id + "'"),
            1);
  Identity later(store_, settings());
  std::string why;
  EXPECT_FALSE(later.tokens().resolve(own.text, "", why)) << "after a restart as before";
  EXPECT_EQ(why, "Token revoked");
}

}  // namespace
}  // namespace agnes::identity
