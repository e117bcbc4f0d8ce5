#include <thread>

#include "fixture.h"
#include "lib/base/hash.h"

namespace agnes::identity {
namespace {

TEST_F(AccessTest, AddressesThatDifferInCaseAreOneAccount) {
  const auto ana = add_user("Ana.Lyst@Example.com");
  EXPECT_EQ(kind_of([&] { add_user("ana.lyst@example.com"); }), ErrorKind::conflict);
  EXPECT_EQ(user_id("ANA.LYST@EXAMPLE.COM"), ana.id);
  EXPECT_EQ(ana.email, "Ana.Lyst@Example.com") << "as it was given";
}

// An existing database may hold both; then each is itself and no third spelling is anybody.
TEST_F(AccessTest, TwoOldAccountsThatDifferInCaseStayTwo) {
  store_.write([](state::Tx& tx) {
    tx.execute("INSERT INTO users (id, email) VALUES ('a', 'x@example.com'), ('b', 'X@example.com')");
  });
  Directory directory(store_);
  directory.read([](const Tables& t) {
    EXPECT_EQ(t.user_by_email("x@example.com")->id, "a");
    EXPECT_EQ(t.user_by_email("X@example.com")->id, "b");
    EXPECT_EQ(t.user_by_email("X@EXAMPLE.com"), nullptr);
  });
}

TEST_F(AccessTest, SignInTellsNothingOfAccounts) {
  const auto ana = add_user("ana@example.com");
  add_user("nopassword@example.com");
  access_.users().set_password(kNobody, ana.id, "a-long-password");
  const auto message = [&](const char* email, const char* password) {
    try {
      access_.users().sign_in(email, password, "10.0.0.1");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unauthenticated);
      return std::string(error.what());
    }
    return std::string("welcome");
  };
  EXPECT_EQ(message("ana@example.com", "a-long-password"), "welcome");
  EXPECT_EQ(message(" ANA@example.com ", "a-long-password"), "welcome");
  const auto wrong = message("ana@example.com", "wrong");
  EXPECT_EQ(message("ghost@example.com", "wrong"), wrong);
  EXPECT_EQ(message("nopassword@example.com", ""), wrong);
  EXPECT_EQ(message("ana@example.com", ""), wrong);
  EXPECT_EQ(message("ana@example.com", std::string(5000, 'x').c_str()), wrong);
  access_.users().update(kNobody, ana.id, std::nullopt, false);
  EXPECT_EQ(message("ana@example.com", "wrong"), wrong);
  EXPECT_EQ(message("ana@example.com", "a-long-password"), "Account deactivated");
  EXPECT_GT(count("SELECT count(*) FROM audit_log WHERE action = 'login_failed'"), 5);
}

TEST_F(AccessTest, OneOfManyClaimsTheServer) {
  std::atomic<int> won = 0, lost = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i)
    threads.emplace_back([&] {
      for (;;) {
        try {
          access_.users().bootstrap("root@example.com", "Root", "a-long-password", "");
          ++won;
          return;
        } catch (const Error& error) {
          if (error.kind() == ErrorKind::unavailable) continue;  // too many hash at once: again
          EXPECT_EQ(error.kind(), ErrorKind::forbidden);
          ++lost;
          return;
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 63);
}

TEST_F(AccessTest, BootstrapIsForTheSeededAccountOnly) {
  const auto bootstrap = [&](const char* email, const char* password) {
    return kind_of([&] { access_.users().bootstrap(email, "", password, ""); });
  };
  EXPECT_EQ(bootstrap("mallory@example.com", "a-long-password"), ErrorKind::forbidden);
  EXPECT_EQ(bootstrap("root@example.com", "short"), ErrorKind::bad_request);
  EXPECT_EQ(access_.users().bootstrap("ROOT@example.com", "", "a-long-password", "").email,
            "root@example.com");
  EXPECT_EQ(bootstrap("root@example.com", "another-long-one"), ErrorKind::forbidden);
}

// The seeded account has no password; whoever came into it by a link or by Google has it all the same.
TEST_F(AccessTest, AnAccountThatSomebodySignedInToIsNotBootstrapped) {
  EXPECT_TRUE(access_.users().can_bootstrap());
  const auto link = access_.users().make_link(kNobody, user_id("root@example.com"), Users::Link::sign_in);
  EXPECT_TRUE(access_.users().can_bootstrap()) << "nobody has used it yet";
  access_.users().sign_in_by_link("root@example.com", link, "10.0.0.1");
  store_.write([](state::Tx& tx) { tx.execute("DELETE FROM audit_log"); });
  EXPECT_FALSE(access_.users().can_bootstrap());
  EXPECT_EQ(kind_of([&] { access_.users().bootstrap("root@example.com", "", "a-long-password", ""); }),
            ErrorKind::forbidden);
  Identity again(store_, settings());
  EXPECT_FALSE(again.users().can_bootstrap()) << "also after a restart";
}

// A version that kept no claimed.json told by the audit log.
TEST_F(AccessTest, WhatAnOlderVersionKnewOfClaimedAccountsIsTakenOver) {
  const auto file = store_.file().parent_path() / "claimed.json";
  store_.write([&](state::Tx& tx) {
    state::record(tx, {user_id("root@example.com"), "", "10.0.0.1"}, "google_login", "auth");
  });
  EXPECT_TRUE(Identity(store_, settings()).users().can_bootstrap()) << "the file counts, not the log";
  fs::remove(file);
  EXPECT_FALSE(Identity(store_, settings()).users().can_bootstrap());
  store_.write([](state::Tx& tx) { tx.execute("DELETE FROM audit_log"); });
  EXPECT_FALSE(Identity(store_, settings()).users().can_bootstrap());
  replace_file(file, "{");
  EXPECT_EQ(kind_of([&] { Identity(store_, settings()); }), ErrorKind::internal);
}

TEST_F(AccessTest, LinksAreKeptAsHashes) {
  const auto ana = add_user("ana@example.com");
  const auto secret = access_.users().make_link(kNobody, ana.id, Users::Link::reset);
  EXPECT_EQ(count("SELECT count(*) FROM users WHERE reset_token = 'sha256:" + sha256_hex(secret) + "'"), 1);
  access_.users().set_password(kNobody, ana.id, "a-long-password");
  EXPECT_EQ(count("SELECT count(*) FROM users WHERE reset_token IS NOT NULL"), 0)
      << "a new password ends old links";
}

TEST_F(AccessTest, ALinkWorksOnceForOneAccountAndForAWhile) {
  const auto ana = add_user("ana@example.com"), bob = add_user("bob@example.com");
  auto& users = access_.users();
  using Link = Users::Link;
  const auto use = [&](Link kind, const std::string& email, const std::string& secret) {
    return kind_of([&] { users.use_link(kind, email, secret, "a-long-password", "", ""); });
  };
  const auto setup = users.make_link(kNobody, ana.id, Link::setup);
  const auto kept = "sha256:" + sha256_hex(setup);
  EXPECT_EQ(use(Link::setup, bob.email, setup), ErrorKind::bad_request) << "another's";
  EXPECT_EQ(use(Link::reset, ana.email, setup), ErrorKind::bad_request) << "another kind";
  EXPECT_EQ(use(Link::setup, "ghost@example.com", setup), ErrorKind::bad_request);
  EXPECT_EQ(use(Link::setup, ana.email, ""), ErrorKind::bad_request);
  EXPECT_EQ(use(Link::setup, ana.email, setup + "x"), ErrorKind::bad_request);
  EXPECT_EQ(use(Link::setup, ana.email, kept), ErrorKind::bad_request)
      << "what the database holds opens nothing";
  EXPECT_EQ(use(Link::reset, bob.email, ""), ErrorKind::bad_request) << "none was made";
  EXPECT_EQ(kind_of([&] { users.use_link(Link::setup, ana.email, setup, "short", "", ""); }),
            ErrorKind::bad_request);
  EXPECT_EQ(users.use_link(Link::setup, "ANA@example.com", setup, "a-long-password", " Ana ", "").name,
            "Ana");
  EXPECT_EQ(users.sign_in(ana.email, "a-long-password", "").id, ana.id);
  EXPECT_EQ(use(Link::setup, ana.email, setup), ErrorKind::bad_request) << "used up";

  {
    FakeClock clock(parse_timestamp("2030-01-01T10:00:00").value());
    const auto timely = users.make_link(kNobody, bob.id, Link::reset);
    clock.advance(86'400);
    users.use_link(Link::reset, bob.email, timely, "a-long-password", "", "");
    const auto late = users.make_link(kNobody, bob.id, Link::reset);
    clock.advance(86'400 + 1);
    EXPECT_EQ(use(Link::reset, bob.email, late), ErrorKind::bad_request);
  }
  const auto older = users.make_link(kNobody, bob.id, Link::reset);
  const auto newer = users.make_link(kNobody, bob.id, Link::reset);
  EXPECT_EQ(use(Link::reset, bob.email, older), ErrorKind::bad_request) << "the last one counts";
  users.update(kNobody, bob.id, std::nullopt, false);
  EXPECT_EQ(use(Link::reset, bob.email, newer), ErrorKind::bad_request) << "a deactivated account";
  users.update(kNobody, bob.id, std::nullopt, true);
  users.use_link(Link::reset, bob.email, newer, "a-long-password", "", "");

  // One that the Python server sent before.
  store_.write([&](state::Tx& tx) {
    tx.execute("UPDATE users SET setup_token = 'plain-token', setup_token_created = ? WHERE id = ?", now(),
               bob.id);
  });
  users.use_link(Link::setup, bob.email, "plain-token", "another-long-one", "", "");
  EXPECT_EQ(count("SELECT count(*) FROM users WHERE setup_token IS NOT NULL OR reset_token IS NOT NULL"), 0);
}

TEST_F(AccessTest, ALinkThatManyUseAtOnceWorksOnce) {
  const auto ana = add_user("ana@example.com");
  const auto secret = access_.users().make_link(kNobody, ana.id, Users::Link::reset);
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i)
    threads.emplace_back([&, i] {
      for (;;) {
        try {
          access_.users().use_link(Users::Link::reset, ana.email, secret,
                                   fmt::format("a-long-password-{}", i), "", "");
          ++won;
          return;
        } catch (const Error& error) {
          if (error.kind() == ErrorKind::unavailable) continue;  // too many hash at once: again
          EXPECT_EQ(error.kind(), ErrorKind::bad_request);
          return;
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
}

}  // namespace
}  // namespace agnes::identity
