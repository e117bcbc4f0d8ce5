#include "features/remote_tables/remote_metadata.h"

#include <gtest/gtest.h>

#include "core/catalog/source_kind.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "modules.h"

namespace agnes::remote_tables {

app::ModuleKind module();

namespace {

[[maybe_unused]] const auto* const kDeclared =
    declare_for_tests({state::module(), identity::module(), catalog::module(), remote_tables::module()});

struct RemoteMetadataTest : testing::Test {
  TemporaryFolder home{fs::temp_directory_path()};
  state::Store store{home.path()};
  std::function<std::optional<RemoteFacts>()> engine;
  RemoteMetadataCache cache{store, [this](const Registration&) { return engine(); }, 100};
  Registration row;

  RemoteMetadataTest() {
    row.id = row.name = "events";
    config::Schema settings;
    catalog::declare_source(settings, {.type = "far", .name = "Far", .remote_tables = true});
    row.source_type = "far";
    row.query_mode = "remote";
    store.write([&](state::Tx& tx) { insert(tx, row); });
  }
};

TEST_F(RemoteMetadataTest, WhatIsKnownSurvivesAFailure) {
  engine = [] {
    return RemoteFacts{.rows = 5,
                       .size_bytes = 6,
                       .partition_by = "day",
                       .clustered_by = {"a", "\xc3\xa9"},
                       .entity_type = "BASE TABLE",
                       .columns = {{"day", "DATE"}}};
  };
  EXPECT_EQ(cache.refresh(row).status, "ok");
  engine = []() -> std::optional<RemoteFacts> {
    throw Error(ErrorKind::bad_gateway, std::string(511, 'x') + "\xc3\xa9 and more");
  };
  EXPECT_EQ(cache.refresh(row).status, "error");
  engine = [] { return std::nullopt; };
  EXPECT_EQ(cache.refresh(row).status, "no_data");
  const auto known = cache.all();
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].rows, 5);
  EXPECT_EQ(known[0].clustered_by, (boost::json::array{"a", "\xc3\xa9"}));
  EXPECT_TRUE(known[0].refreshed_at && known[0].error_at);
}

TEST_F(RemoteMetadataTest, ALongReasonIsCutBetweenCharacters) {
  engine = []() -> std::optional<RemoteFacts> {
    throw Error(ErrorKind::bad_gateway, std::string(511, 'x') + "\xc3\xa9 and more");
  };
  cache.refresh(row);
  EXPECT_EQ(cache.all().at(0).error_msg, std::string(511, 'x'));
}

TEST_F(RemoteMetadataTest, Freshness) {
  const Timestamp at{1'000'000'000};
  RemoteMetadata known;
  EXPECT_EQ(cache.freshness(known, at), "never_fetched");
  known.error_at = at;
  EXPECT_EQ(cache.freshness(known, at), "error");
  known.refreshed_at = at;
  EXPECT_EQ(cache.freshness(known, plus_seconds(at, 200)), "fresh");
  EXPECT_EQ(cache.freshness(known, plus_seconds(at, 201)), "stale");
}

TEST_F(RemoteMetadataTest, OnlyRemoteTablesAreAsked) {
  Registration local;
  local.id = local.name = "orders";
  store.write([&](state::Tx& tx) { insert(tx, local); });
  int asked = 0;
  engine = [&] { return ++asked, RemoteFacts{}; };
  const jobs::Context context([](const boost::json::value&) {}, {});
  EXPECT_EQ(cache.refresh_all(context).result,
            (boost::json::value{{"total", 1}, {"succeeded", 1}, {"no_data", 0}, {"failed", 0}}));
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace agnes::remote_tables
