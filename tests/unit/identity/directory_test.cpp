#include "fixture.h"
#include "lib/duck/rows.h"

namespace agnes::identity {
namespace {

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
  EXPECT_EQ(access_.directory().read([&](const Tables& t) { return t.member(ana.id, group.id)->source; }),
            "google_sync");
}

TEST_F(AccessTest, ARowThatSomebodyElseTookAwayIsNotWrittenSilently) {
  const auto ana = add_user("ana@example.com");
  store_.write([&](state::Tx& tx) { tx.execute("DELETE FROM users WHERE id = ?", ana.id); });
  EXPECT_EQ(kind_of([&] { access_.users().update(kNobody, ana.id, "Ana", std::nullopt); }),
            ErrorKind::internal);
  EXPECT_EQ(count("SELECT count(*) FROM audit_log WHERE action = 'user.update'"), 0);
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
  EXPECT_EQ(identity.directory().read([](const Tables& t) { return t.grants().size(); }), 100'000u);
  const auto session =
      identity.tokens().make_session({.id = "u42", .email = "u42@example.com", .name = std::nullopt});
  std::string reason;
  ASSERT_TRUE(identity.tokens().resolve(session, "10.0.0.1", reason));
  identity.groups().update(kNobody, "g1", "renamed", std::nullopt);
  EXPECT_EQ(identity.directory().read([](const Tables& t) { return t.group_by_name("renamed")->id; }), "g1");
}

}  // namespace
}  // namespace agnes::identity
