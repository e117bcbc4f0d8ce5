#include "core/state/tx.h"

#include <gtest/gtest.h>

#include "core/state/audit.h"
#include "core/state/store.h"
#include "lib/base/files.h"

namespace agnes::state {
namespace {

struct Setting {
  std::string user_id, dataset;
  std::optional<bool> enabled;
  boost::json::value tables;
};
BOOST_DESCRIBE_STRUCT(Setting, (), (user_id, dataset, enabled, tables))

struct Entry {
  std::optional<std::string> user_id, resource, result;
  std::string action;
  boost::json::value params;
};
BOOST_DESCRIBE_STRUCT(Entry, (), (user_id, resource, result, action, params))

class TxTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_{fs::temp_directory_path()};
  Store store_{folder_.path() / "state"};
};

TEST_F(TxTest, StructsGoInAndComeOut) {
  store_.write([](Tx& tx) {
    tx.insert("user_sync_settings", Setting{"u", "a", true, boost::json::array{"x"}});
    tx.insert("user_sync_settings", std::vector<Setting>{});
    std::vector<Setting> many;
    for (int i = 0; i < 2500; ++i) many.push_back({"u", fmt::format("m{:04}", i), std::nullopt, nullptr});
    tx.insert("user_sync_settings", many);
    tx.insert("user_sync_settings", Setting{"u", "a", false, nullptr},
              "ON CONFLICT (user_id, dataset) DO UPDATE SET enabled = excluded.enabled");
  });
  store_.read([](Tx& tx) {
    EXPECT_EQ(tx.scalar<std::int64_t>("SELECT count(*) FROM user_sync_settings"), 2501);
    const auto found = tx.row<Setting>(
        fmt::format("SELECT {} FROM user_sync_settings WHERE dataset = ?", column_list<Setting>()), "a");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->enabled, false);
    EXPECT_EQ(found->tables, boost::json::value(boost::json::array{"x"}));
    EXPECT_FALSE(tx.row<Setting>("SELECT * FROM user_sync_settings WHERE dataset = ?", "b"));
    EXPECT_EQ(tx.scalar<bool>("SELECT enabled FROM user_sync_settings WHERE dataset = 'm0001'"),
              std::nullopt);
    EXPECT_EQ(tx.rows<Setting>("SELECT user_id FROM user_sync_settings").at(7).dataset, "");
  });
  EXPECT_EQ(store_.write([](Tx& tx) {
    return tx.execute("UPDATE user_sync_settings SET enabled = true WHERE dataset LIKE ?", "m000%");
  }),
            10);
}

TEST_F(TxTest, AnAuditEntrySaysWhoDidWhatFromWhere) {
  store_.write([](Tx& tx) {
    record(tx, {"u1", "ana@example.com", "10.0.0.1"}, "user.create", "user:u2", {{"email", "b@example.com"}},
           "ok");
    record(tx, {}, "sync", "");
  });
  store_.read([](Tx& tx) {
    const auto entries = tx.rows<Entry>("SELECT * FROM audit_log ORDER BY action DESC");
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].user_id, "u1");
    EXPECT_EQ(entries[0].resource, "user:u2");
    EXPECT_EQ(entries[0].result, "ok");
    EXPECT_EQ(entries[0].params, (boost::json::value{{"email", "b@example.com"}, {"ip", "10.0.0.1"}}));
    EXPECT_EQ(entries[1].user_id, std::nullopt);
    EXPECT_EQ(entries[1].resource, std::nullopt);
    EXPECT_EQ(entries[1].params, boost::json::value(nullptr));
  });
}

}  // namespace
}  // namespace agnes::state
