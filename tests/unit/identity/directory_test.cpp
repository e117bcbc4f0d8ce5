#include <thread>

#include <gtest/gtest.h>

#include "core/identity/identity.h"
#include "core/identity/resources.h"
#include "core/state/schema.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/duck/rows.h"
#include "lib/jose/jwt.h"
#include "modules.h"

namespace agnes::identity {
namespace {

const Actor kNobody{"", "test", ""};

Settings settings() {
  Settings out;
  out.jwt_secret = "a-secret-of-more-than-thirty-two-characters";
  out.scheduler_token = "a-scheduler-token-of-more-than-32-characters";
  out.seed_admin_email = "root@example.com";
  return out;
}

ErrorKind kind_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

// Tables are the catalog's, of which these tests know nothing: this one stands for them.
void declare_things(app::Declarations&) {
  state::declare_table({.name = "things", .columns = {{"id", state::types::kText}}});
}

ResourceType tables() {
  return {"table",
          "Tables",
          "",
          "",
          [](state::Tx& tx, const std::string& id) {
            return tx.scalar<std::int64_t>("SELECT count(*) FROM things WHERE id = ?", id) > 0;
          },
          [](state::Tx&) { return boost::json::array(); },
          2};
}

[[maybe_unused]] const auto* const kDeclared =
    declare_for_tests({state::module(), identity::module(), {"things", declare_things, nullptr}});

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() { access_.resource_types().add(tables()); }
  std::string user_id(const std::string& email) {
    return access_.directory().look([&](const Tables& t) {
      const auto* user = t.user_by_email(email);
      return user != nullptr ? user->id : std::string();
    });
  }
  User add_user(const std::string& email) { return access_.users().create(kNobody, email, "Some One"); }
  std::string group_id(const std::string& name) {
    return access_.directory().look([&](const Tables& t) { return t.group_by_name(name)->id; });
  }
  void add_table(const std::string& id) {
    store_.write([&](state::Tx& tx) { tx.execute("INSERT INTO things (id) VALUES (?)", id); });
  }
  std::int64_t count(const std::string& sql) {
    return store_.read([&](state::Tx& tx) { return tx.scalar<std::int64_t>(sql).value_or(-1); });
  }
  std::optional<http::Caller> resolve(std::string_view token, std::string_view address = "10.0.0.1") {
    reason_.clear();
    return access_.tokens().resolve(token, address, reason_);
  }
  // What is in memory is what a new start would load.
  void expect_memory_is_database() {
    Directory fresh(store_);
    const auto dump = [](const Directory& directory) {
      return directory.look([](const Tables& t) {
        std::vector<std::string> out;
        for (const auto* u : t.users())
          out.push_back(fmt::format("{} {} {} {} {}", u->id, u->email, u->name.value_or("-"), u->active,
                                    u->has_password));
        for (const auto* g : t.groups()) {
          out.push_back(
              fmt::format("{} {} {} {}", g->id, g->name, g->description.value_or("-"), g->is_system));
          for (const auto* m : t.members_of(g->id))
            out.push_back(fmt::format(" {} {}", m->user_id, m->source));
        }
        for (const auto* g : t.grants())
          out.push_back(fmt::format("{} {} {}", g->id, g->group_id, g->resource_id));
        for (const auto* k : t.tokens())
          out.push_back(fmt::format("{} {} {}", k->id, k->name, k->revoked_at.has_value()));
        return out;
      });
    };
    EXPECT_EQ(dump(fresh), dump(access_.directory()));
  }

  TemporaryFolder folder_{fs::temp_directory_path()};
  state::Store store_{folder_.path() / "state"};
  Identity access_{store_, settings()};
  std::string reason_;
};

TEST_F(AccessTest, SeedsItsAccountsOnce) {
  EXPECT_TRUE(access_.directory().is_admin(user_id("root@example.com")));
  EXPECT_TRUE(access_.directory().is_admin(user_id(std::string(kSchedulerEmail))));
  Identity again(store_, settings());
  EXPECT_EQ(count("SELECT count(*) FROM users"), 2);
  EXPECT_EQ(count("SELECT count(*) FROM user_group_members WHERE source = 'system_seed'"), 2);
}

TEST_F(AccessTest, AGrantHoldsFromTheMomentThatItIsGiven) {
  add_table("orders");
  add_table("salaries");
  const auto ana = add_user("ana@example.com"), bob = add_user("bob@example.com");
  auto& directory = access_.directory();
  const auto group = access_.groups().create(kNobody, "sales", std::nullopt);
  const auto caller = http::Caller{.user_id = ana.id, .email = ana.email};
  const auto nothing = directory.rights(ana.id);
  EXPECT_FALSE(nothing->may_read("table", "orders"));
  const auto before = directory.version();
  const auto grant = access_.groups().grant(kNobody, group.id, "table", "orders");
  EXPECT_GT(directory.version(), before);
  EXPECT_FALSE(directory.may_read(caller, "table", "orders"));
  access_.groups().add_member(kNobody, group.id, ana.id, "group:" + group.id);
  EXPECT_TRUE(directory.may_read(caller, "table", "orders"));
  EXPECT_FALSE(directory.may_read(caller, "table", "salaries"));
  EXPECT_FALSE(directory.may_read(caller, "memory_domain", "orders"));
  EXPECT_EQ(directory.rights(ana.id)->granted("table"), std::vector<std::string>{"orders"});

  // Another way to the same rights has the same key.
  const auto other = access_.groups().create(kNobody, "marketing", std::nullopt);
  access_.groups().grant(kNobody, other.id, "table", "orders");
  access_.groups().add_member(kNobody, other.id, bob.id, "group:" + other.id);
  EXPECT_EQ(directory.rights(ana.id)->table_key(), directory.rights(bob.id)->table_key());
  EXPECT_NE(directory.rights(ana.id)->table_key(), nothing->table_key());
  EXPECT_EQ(directory.rights(user_id("root@example.com"))->table_key(), "all");

  access_.groups().revoke(kNobody, grant.id);
  EXPECT_FALSE(directory.may_read(caller, "table", "orders"));
  EXPECT_TRUE(directory.rights(bob.id)->may_read("table", "orders"));
  access_.groups().remove_member(kNobody, other.id, bob.id, "group:" + other.id);
  EXPECT_FALSE(directory.rights(bob.id)->may_read("table", "orders"));
  expect_memory_is_database();
}

TEST_F(AccessTest, RightsThatDoNotChangeKeepTheVersion) {
  const auto ana = add_user("ana@example.com");
  const auto before = access_.directory().version();
  access_.tokens().create({ana.id, ana.email, ""}, {.name = "t", .seconds = 60});
  access_.users().set_onboarded({ana.id, ana.email, ""}, true, "agnes_init");
  EXPECT_EQ(access_.directory().version(), before);
}

TEST_F(AccessTest, OnlyThingsThatExistAreGranted) {
  const auto group = access_.groups().create(kNobody, "sales", std::nullopt);
  const auto grant = [&](const char* type, const char* id) {
    return kind_of([&] { access_.groups().grant(kNobody, group.id, type, id); });
  };
  EXPECT_EQ(grant("table", "nope"), ErrorKind::not_found);
  EXPECT_EQ(grant("table", "' OR '1'='1"), ErrorKind::not_found);
  EXPECT_EQ(grant("table", "  "), ErrorKind::bad_request);
  EXPECT_EQ(grant("planet", "x"), ErrorKind::bad_request);
  EXPECT_EQ(grant("marketplace_plugin", "a/b"), ErrorKind::not_found);
  EXPECT_EQ(grant("marketplace_plugin", "ab"), ErrorKind::not_found);
  EXPECT_EQ(grant("memory_domain", "gossip"), ErrorKind::not_found);
  access_.groups().grant(kNobody, group.id, "memory_domain", "finance");
  EXPECT_EQ(grant("memory_domain", "finance"), ErrorKind::conflict);
  EXPECT_EQ(kind_of([&] { access_.groups().grant(kNobody, "nope", "memory_domain", "finance"); }),
            ErrorKind::not_found);
  EXPECT_EQ(kind_of([&] { access_.groups().revoke(kNobody, "nope"); }), ErrorKind::not_found);
}

TEST_F(AccessTest, GroupsCanBeRenamedAndDeletedWithMembersAndGrants) {
  add_table("orders");
  const auto ana = add_user("ana@example.com");
  const auto group = access_.groups().create(kNobody, "  sales  ", "Sales");
  EXPECT_EQ(group.name, "sales");
  access_.groups().add_member(kNobody, group.id, ana.id, "x");
  access_.groups().grant(kNobody, group.id, "table", "orders");
  EXPECT_EQ(access_.groups().update(kNobody, group.id, "Vertrieb", std::nullopt).name, "Vertrieb");
  EXPECT_EQ(access_.groups().update(kNobody, group.id, std::nullopt, "D").description, "D");
  EXPECT_TRUE(access_.directory().rights(ana.id)->may_read("table", "orders"));
  expect_memory_is_database();
  access_.groups().remove(kNobody, group.id);
  EXPECT_FALSE(access_.directory().rights(ana.id)->may_read("table", "orders"));
  EXPECT_EQ(count("SELECT count(*) FROM user_groups WHERE id = '" + group.id + "'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM resource_grants"), 0);
  expect_memory_is_database();
}

TEST_F(AccessTest, GroupNamesAreNamesAndStandOnce) {
  access_.groups().create(kNobody, "sales", std::nullopt);
  const auto create = [&](const std::string& name) {
    return kind_of([&] { access_.groups().create(kNobody, name, std::nullopt); });
  };
  EXPECT_EQ(create("SALES "), ErrorKind::conflict);
  EXPECT_EQ(create("admin"), ErrorKind::conflict);
  EXPECT_EQ(create(" "), ErrorKind::bad_request);
  EXPECT_EQ(create("a\nb"), ErrorKind::bad_request);
  EXPECT_EQ(create(std::string(300, 'x')), ErrorKind::bad_request);
  for (const auto* name : {"Admin", "Everyone"}) {
    EXPECT_EQ(kind_of([&] { access_.groups().update(kNobody, group_id(name), "Other", std::nullopt); }),
              ErrorKind::conflict);
    EXPECT_EQ(kind_of([&] { access_.groups().remove(kNobody, group_id(name)); }), ErrorKind::conflict);
    EXPECT_EQ(access_.groups().update(kNobody, group_id(name), name, "ours").description, "ours");
  }
}

TEST_F(AccessTest, TheLastAdminStays) {
  const auto root = user_id("root@example.com"), scheduler = user_id(std::string(kSchedulerEmail));
  const auto admins = group_id("Admin");
  const Actor actor{root, "root@example.com", ""};
  access_.users().update(actor, scheduler, std::nullopt, false);
  const auto expect_refused = [](const std::function<void()>& work) {
    EXPECT_EQ(kind_of(work), ErrorKind::conflict);
  };
  expect_refused([&] { access_.users().update(actor, root, std::nullopt, false); });
  expect_refused([&] { access_.users().update(kNobody, root, std::nullopt, false); });
  expect_refused([&] { access_.users().remove(actor, root); });
  expect_refused([&] { access_.users().remove(kNobody, root); });
  expect_refused([&] { access_.groups().remove_member(actor, admins, root, "x"); });
  expect_refused([&] { access_.groups().remove_member(kNobody, admins, root, "x"); });

  const auto ana = add_user("ana@example.com");
  access_.groups().add_member(actor, admins, ana.id, "x");
  expect_refused([&] { access_.groups().remove_member({ana.id, ana.email, ""}, admins, ana.id, "x"); });
  EXPECT_EQ(kind_of([&] { access_.groups().remove_member(actor, admins, scheduler, "x"); }),
            ErrorKind::not_found)
      << "a seeded row is not the admin's";
  access_.groups().remove_member(actor, admins, ana.id, "x");
  EXPECT_FALSE(access_.directory().is_admin(ana.id));
  expect_memory_is_database();
}

// Sixteen threads each take the rights of one of two admins; one of them must remain.
TEST_F(AccessTest, TheLastAdminStaysWhenManyTryAtOnce) {
  const auto root = user_id("root@example.com"), scheduler = user_id(std::string(kSchedulerEmail));
  std::vector<std::thread> threads;
  std::atomic<int> done = 0;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&, i] {
      try {
        access_.users().remove(kNobody, i % 2 == 0 ? root : scheduler);
        ++done;
      } catch (const Error&) {
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(access_.directory().look([](const Tables& t) { return t.active_admins(); }), 1u);
}

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
  directory.look([](const Tables& t) {
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

TEST_F(AccessTest, AGroupIsDeletedInOneStepWithAllThatHangsOnIt) {
  add_table("orders");
  const auto ana = add_user("ana@example.com");
  const auto group = access_.groups().create(kNobody, "sales", std::nullopt);
  access_.groups().add_member(kNobody, group.id, ana.id, "x");
  access_.groups().grant(kNobody, group.id, "table", "orders");
  EXPECT_THROW(access_.directory().change([&](Change& change) {
    change.erase_group(group.id);
    throw Error(ErrorKind::conflict, "no");
  }),
               Error);
  expect_memory_is_database();
  EXPECT_TRUE(access_.directory().rights(ana.id)->may_read("table", "orders"));
  access_.groups().remove(kNobody, group.id);
  expect_memory_is_database();
  EXPECT_EQ(count("SELECT count(*) FROM user_groups WHERE id = '" + group.id + "'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM audit_log WHERE action = 'user_group.deleted'"), 1);
}

TEST_F(AccessTest, OneCallWritesARowHereAndThere) {
  const auto ana = add_user("ana@example.com");
  const auto group = access_.groups().create(kNobody, "sales", std::nullopt);
  access_.directory().change([&](Change& change) {
    User renamed = *change.tables().user(ana.id);
    renamed.name = "Ana";
    renamed.has_password = true;  // not to be had this way
    change.put(renamed);
    change.put(renamed);  // nothing is another one
    change.set_password(ana.id, "hash");
    change.put(Member{ana.id, group.id, "admin", now(), {}});
    change.put(Member{ana.id, group.id, "google_sync", now(), {}});
    change.put(Grant{"r1", group.id, "table", "a", now(), {}});
    change.put(Grant{"r2", group.id, "table", "b", now(), {}});
    change.erase_grants_of("table", "a");
    EXPECT_EQ(change.tables().user(ana.id)->name, "Some One") << "as before";
  });
  expect_memory_is_database();
  EXPECT_EQ(count("SELECT count(*) FROM users WHERE name = 'Ana' AND password_hash = 'hash'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM resource_grants"), 1);
  EXPECT_EQ(access_.directory().look([&](const Tables& t) { return t.member(ana.id, group.id)->source; }),
            "google_sync");
}

TEST_F(AccessTest, ARowThatSomebodyElseTookAwayIsNotWrittenSilently) {
  const auto ana = add_user("ana@example.com");
  store_.write([&](state::Tx& tx) { tx.execute("DELETE FROM users WHERE id = ?", ana.id); });
  EXPECT_EQ(kind_of([&] { access_.users().update(kNobody, ana.id, "Ana", std::nullopt); }),
            ErrorKind::internal);
  EXPECT_EQ(count("SELECT count(*) FROM audit_log WHERE action = 'user.update'"), 0);
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

  const auto age = [&](const char* column, std::int64_t seconds) {
    store_.write([&](state::Tx& tx) {
      tx.execute(fmt::format("UPDATE users SET {}_created = ? WHERE id = ?", column),
                 plus_seconds(now(), -seconds), bob.id);
    });
  };
  const auto late = users.make_link(kNobody, bob.id, Link::reset);
  age("reset_token", 86400 + 1);
  EXPECT_EQ(use(Link::reset, bob.email, late), ErrorKind::bad_request);
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

TEST_F(AccessTest, WhatGoogleOwnsIsLeftAlone) {
  const auto ana = add_user("ana@example.com");
  store_.write([&](state::Tx& tx) {
    tx.execute(
        "INSERT INTO user_groups (id, name, created_by) VALUES ('g', 'all@example.com', "
        "'system:google-sync')");
    tx.execute("INSERT INTO user_group_members (user_id, group_id, source) VALUES (?, 'g', 'google_sync')",
               ana.id);
  });
  Identity later(store_, settings());
  const auto refused = [](const std::function<void()>& work) {
    EXPECT_EQ(kind_of(work), ErrorKind::conflict);
  };
  refused([&] { later.groups().update(kNobody, "g", "x", std::nullopt); });
  refused([&] { later.groups().remove(kNobody, "g"); });
  refused([&] { later.groups().add_member(kNobody, "g", user_id("root@example.com"), "x"); });
  refused([&] { later.groups().remove_member(kNobody, "g", ana.id, "x"); });
  refused([&] { later.users().set_password(kNobody, ana.id, "a-long-password"); });
  refused([&] { later.users().make_link(kNobody, ana.id, Users::Link::reset); });
  refused([&] { later.users().remove(kNobody, ana.id); });
}

TEST_F(AccessTest, AFailedChangeIsNeitherInTheDatabaseNorInMemory) {
  const auto root = user_id("root@example.com");
  EXPECT_THROW(access_.directory().change([&](Change& change) {
    change.erase_member(root, group_id("Admin"));
    change.erase_user(root);
    change.tx().execute("no SQL");
  }),
               duck::QueryError);
  EXPECT_TRUE(access_.directory().is_admin(user_id("root@example.com")));
  expect_memory_is_database();
}

TEST(Directory, KeepsItsOrderAtSize) {
  TemporaryFolder folder(fs::temp_directory_path());
  state::Store store(folder.path());
  store.write([](state::Tx& tx) {
    tx.execute(
        "INSERT INTO users (id, email) SELECT 'u' || range, 'u' || range || '@example.com' FROM "
        "range(10000)");
    tx.execute("INSERT INTO user_groups (id, name) SELECT 'g' || range, 'group ' || range FROM range(1000)");
    tx.execute(
        "INSERT INTO user_group_members (user_id, group_id, source) "
        "SELECT 'u' || u.range, 'g' || ((u.range * 7 + g.range * 13) % 1000), 'admin' FROM range(10000) u, "
        "range(5) g");
    tx.execute(
        "INSERT INTO resource_grants (id, group_id, resource_type, resource_id) "
        "SELECT 'r' || range, 'g' || (range % 1000), 'table', 't' || (range // 1000 * 17 % 1000) FROM "
        "range(100000)");
  });
  Identity identity(store, settings());
  const auto rights = identity.directory().rights("u42");
  EXPECT_EQ(rights->granted("table").size(), 100u);
  EXPECT_TRUE(std::is_sorted(rights->granted("table").begin(), rights->granted("table").end()));
  EXPECT_EQ(rights, identity.directory().rights("u42")) << "made once";
  EXPECT_EQ(identity.directory().look([](const Tables& t) { return t.grants().size(); }), 100'000u);
  const auto session =
      identity.tokens().make_session({.id = "u42", .email = "u42@example.com", .name = std::nullopt});
  std::string reason;
  ASSERT_TRUE(identity.tokens().resolve(session, "10.0.0.1", reason));
  identity.groups().update(kNobody, "g1", "renamed", std::nullopt);
  EXPECT_EQ(identity.directory().look([](const Tables& t) { return t.group_by_name("renamed")->id; }), "g1");
}

}  // namespace
}  // namespace agnes::identity
