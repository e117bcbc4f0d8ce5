#include "core/sync/sync_state.h"

#include <gtest/gtest.h>

#include "core/state/store.h"
#include "lib/base/files.h"
#include "lib/duck/rows.h"

namespace agnes::sync {
namespace {

struct SyncStateTest : testing::Test {
  TemporaryFolder home{fs::temp_directory_path()};
  state::Store store{home.path()};

  static SyncState good(const std::string& table, std::int64_t rows) {
    SyncState out;
    out.table_id = table;
    out.last_sync = now();
    out.rows = rows;
    out.hash = "abc";
    out.status = "ok";
    return out;
  }
  std::int64_t entries(const std::string& table) {
    return store.read([&](duck::Connection& c) {
      return duck::scalar<std::int64_t>(c, "SELECT count(*) FROM sync_history WHERE table_id = ?", table)
          .value_or(0);
    });
  }
};

TEST_F(SyncStateTest, HistoryIsKeptShortWhateverFillsIt) {
  const auto fill = [](duck::Connection& c, const std::string& table) {
    c.execute(
        "INSERT INTO sync_history (id, table_id, synced_at, status) SELECT concat(?, i), ?, TIMESTAMP "
        "'2026-01-01' + to_minutes(i), 'ok' FROM range(1000) AS r(i)",
        table, table);
  };
  store.write([&](duck::Connection& c) {
    record_syncs(c, {good("quiet", 7)});
    fill(c, "failing");
    record_failures(c, {{"failing", "its source is gone", 5}});
  });
  EXPECT_EQ(entries("failing"), 100);
  EXPECT_EQ(entries("quiet"), 1);
  store.write([&](duck::Connection& c) {
    EXPECT_EQ(
        duck::scalar<bool>(c, "SELECT count(*) > 0 FROM sync_history WHERE error = 'its source is gone'"),
        true)
        << "the latest are kept";
    fill(c, "busy");
    record_syncs(c, {good("busy", 1)});
  });
  EXPECT_EQ(entries("busy"), 100);
  EXPECT_EQ(entries("failing"), 100);
  EXPECT_EQ(entries("quiet"), 1);
}

TEST_F(SyncStateTest, AFailureKeepsWhatTheLastGoodSyncSaid) {
  const auto state = [&](duck::Connection& c) { return all_states(c).at(0); };
  store.write([&](duck::Connection& c) {
    record_syncs(c, {good("orders", 7)});
    record_failures(c, {{"orders", "the file is gone", 5}});
    EXPECT_EQ(state(c).rows, 7);
    EXPECT_EQ(state(c).hash, "abc");
    EXPECT_EQ(state(c).status, "error");
    EXPECT_EQ(state(c).error, "the file is gone");
    clear_failures(c, {"others"});
    EXPECT_EQ(state(c).status, "error");
    clear_failures(c, {"orders"});
    EXPECT_EQ(state(c).status, "ok");
    EXPECT_EQ(state(c).error, std::nullopt);
    record_failures(c, {{"never", "no such table", 5}});
    EXPECT_EQ(duck::scalar<bool>(c, "SELECT last_sync IS NULL FROM sync_state WHERE table_id = 'never'"),
              true);
  });
}

}  // namespace
}  // namespace agnes::sync
