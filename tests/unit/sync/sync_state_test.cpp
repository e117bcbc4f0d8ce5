#include "core/sync/sync_state.h"

#include <gtest/gtest.h>

#include "core/state/store.h"
#include "lib/base/files.h"
#include "modules.h"

namespace agnes::sync {
namespace {

[[maybe_unused]] const auto* const kDeclared =
    declare_for_tests({state::module(), identity::module(), catalog::module(), sync::module()});

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
    return store.read([&](state::Tx& tx) {
      return tx.scalar<std::int64_t>("SELECT count(*) FROM sync_history WHERE table_id = ?", table)
          .value_or(0);
    });
  }
};

TEST_F(SyncStateTest, HistoryIsKeptShortWhateverFillsIt) {
  const auto fill = [](state::Tx& tx, const std::string& table) {
    tx.execute(
        "INSERT INTO sync_history (id, table_id, synced_at, status) SELECT concat(?, i), ?, TIMESTAMP "
        "'2026-01-01' + to_minutes(i), 'ok' FROM range(1000) AS r(i)",
        table, table);
  };
  store.write([&](state::Tx& tx) {
    record_syncs(tx, {good("quiet", 7)});
    fill(tx, "failing");
    record_failures(tx, {{"failing", "its source is gone", 5}});
  });
  EXPECT_EQ(entries("failing"), 100);
  EXPECT_EQ(entries("quiet"), 1);
  store.write([&](state::Tx& tx) {
    EXPECT_EQ(tx.scalar<bool>("SELECT count(*) > 0 FROM sync_history WHERE error = 'its source is gone'"),
              true)
        << "the latest are kept";
    fill(tx, "busy");
    record_syncs(tx, {good("busy", 1)});
  });
  EXPECT_EQ(entries("busy"), 100);
  EXPECT_EQ(entries("failing"), 100);
  EXPECT_EQ(entries("quiet"), 1);
}

TEST_F(SyncStateTest, AFailureKeepsWhatTheLastGoodSyncSaid) {
  const auto state = [&](state::Tx& tx) { return all_states(tx).at(0); };
  store.write([&](state::Tx& tx) {
    record_syncs(tx, {good("orders", 7)});
    record_failures(tx, {{"orders", "the file is gone", 5}});
    EXPECT_EQ(state(tx).rows, 7);
    EXPECT_EQ(state(tx).hash, "abc");
    EXPECT_EQ(state(tx).status, "error");
    EXPECT_EQ(state(tx).error, "the file is gone");
    clear_failures(tx, {"others"});
    EXPECT_EQ(state(tx).status, "error");
    clear_failures(tx, {"orders"});
    EXPECT_EQ(state(tx).status, "ok");
    EXPECT_EQ(state(tx).error, std::nullopt);
    record_failures(tx, {{"never", "no such table", 5}});
    EXPECT_EQ(tx.scalar<bool>("SELECT last_sync IS NULL FROM sync_state WHERE table_id = 'never'"), true);
  });
}

}  // namespace
}  // namespace agnes::sync
