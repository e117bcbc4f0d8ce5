#include <thread>

#include "fixture.h"

namespace agnes::identity {
namespace {

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
  EXPECT_EQ(access_.directory().read([](const Tables& t) { return t.active_admins(); }), 1u);
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

}  // namespace
}  // namespace agnes::identity
