#include "core/sync/run_ledger.h"

#include "sync/sync_fixture.h"

namespace agnes::sync {
namespace {

extracts::CatalogueTable with_file(const std::string& name, const std::string& hash = "aa") {
  extracts::CatalogueTable table;
  table.source = "files";
  table.name = name;
  table.kind = "parquet";
  table.hash = hash;
  table.files = {{.path = "/data/" + name + ".parquet", .origin = {}, .stamp = {}, .md5 = hash}};
  return table;
}

TEST(MissingTables, AreThoseThatNobodyReportsAndNoExtractHolds) {
  auto remote = registered("elsewhere", "remote");
  auto of_keboola = registered("crm");
  of_keboola.source_type = "keboola";
  const RegistrySnapshot registry(
      {registered("Gone"), registered("reported"), registered("held"), registered("in_engine"),
       registered("unregistered"), registered("report", "materialized"), remote, of_keboola},
      {});
  RunLedger run;
  run.outcomes = {failed("Reported", "cannot be read")};
  run.unregistered = {"unregistered"};
  extracts::Catalogue catalogue;
  catalogue.tables = {with_file("HELD"), with_file("in_engine")};
  catalogue.tables[1].kind = "remote";

  const auto names = [&] {
    std::vector<std::string> out;
    for (const auto& failure : missing_tables(registry, run, catalogue, "local"))
      out.push_back(failure.table);
    return out;
  };
  EXPECT_EQ(names(), (std::vector<std::string>{"Gone", "in_engine", "report"}));
  EXPECT_NE(missing_tables(registry, run, catalogue, "local")[0].error.find("no table 'Gone'"),
            std::string::npos);
  run.selection = TableSelection::named({"report"});
  EXPECT_EQ(names(), std::vector<std::string>{"report"}) << "the others were not asked for";
}

using RegisterTest = StoreTest;

TEST_F(RegisterTest, NewTablesWhoseNameAndIdAreStillFreeAreRegistered) {
  auto other_id = registered("other");
  other_id.id = "taken";
  store.write([&](state::Tx& tx) {
    catalog::insert(tx, registered("Orders"));
    catalog::insert(tx, other_id);
  });
  const auto names = [&] {
    std::vector<std::string> out;
    for (const auto& row : store.write([](state::Tx& tx) {
           return register_new(tx, {registered("orders"), registered("taken"), registered("extra")});
         }))
      out.push_back(row.name);
    std::sort(out.begin(), out.end());
    return out;
  };
  const std::vector<std::string> expected{"Orders", "extra", "other"};
  EXPECT_EQ(names(), expected);
  EXPECT_EQ(names(), expected) << "again: nothing is new";
  store.read([&](state::Tx& tx) {
    EXPECT_EQ(catalog::all(tx).size(), 3u);
    EXPECT_EQ(tx.scalar<std::int64_t>("SELECT count(*) FROM audit_log WHERE action = 'register_tables'"), 1);
  });
}

struct RecordTest : StoreTest {
  extracts::Catalogue catalogue;

  void record_run(const RunLedger& run, bool was_read = true) {
    store.write([&](state::Tx& tx) { record(tx, run, was_read ? &catalogue : nullptr); });
  }
  SyncState state(const std::string& table) {
    return store.read([&](state::Tx& tx) {
      return tx.row<SyncState>("SELECT * FROM sync_state WHERE table_id = ?", table).value_or(SyncState{});
    });
  }
  std::int64_t history(const std::string& table) {
    return store.read([&](state::Tx& tx) {
      return tx.scalar<std::int64_t>("SELECT count(*) FROM sync_history WHERE table_id = ?", table)
          .value_or(0);
    });
  }
};

TEST_F(RecordTest, AFailureWinsOverWhatItsExtractHolds) {
  catalogue.tables = {with_file("orders"), with_file("items")};
  RunLedger run;
  run.outcomes = {failed("orders", "the file is gone"), succeeded("items")};
  record_run(run);
  EXPECT_EQ(state("orders").status, "error");
  EXPECT_EQ(state("orders").error, "the file is gone");
  EXPECT_EQ(state("orders").hash, "aa") << "the last good version stays described";
  EXPECT_EQ(state("items").status, "ok");
  EXPECT_EQ(history("items"), 1);

  run.outcomes = {succeeded("orders"), succeeded("items")};
  record_run(run);
  EXPECT_EQ(state("orders").status, "ok") << "well again, though nothing of it changed";
  EXPECT_EQ(history("items"), 1) << "nothing has changed";
}

TEST_F(RecordTest, WithoutACatalogueWhatTheConnectorsSaidIsRecorded) {
  RunLedger run;
  run.outcomes = {failed("orders", "the file is gone")};
  record_run(run, false);
  EXPECT_EQ(state("orders").error, "the file is gone");
}

TEST_F(RecordTest, ATableThatIsMissingIsInTheHistoryOnce) {
  store.write([](state::Tx& tx) { catalog::insert(tx, registered("orders")); });
  RunLedger run;
  run.missing = {{"orders", "the source has no table 'orders'"}};
  record_run(run);
  record_run(run);
  EXPECT_EQ(state("orders").status, "error");
  EXPECT_EQ(history("orders"), 1);
}

TEST_F(RecordTest, WhatIsNeitherRegisteredNorInAnExtractIsForgotten) {
  catalogue.tables = {with_file("orders")};
  RunLedger run;
  run.outcomes = {failed("gone", "cannot be read")};
  record_run(run);
  EXPECT_EQ(state("gone").status, "error");
  record_run({});
  EXPECT_EQ(state("gone").status, std::nullopt);
  EXPECT_EQ(state("orders").status, "ok") << "an extract has it";
  EXPECT_EQ(history("gone"), 1);
}

TEST_F(RecordTest, NothingIsRecordedOfWhatWasUnregisteredMeanwhile) {
  RunLedger run;
  run.outcomes = {failed("Orders", "the file is gone")};
  run.unregistered = {"orders"};
  record_run(run);
  EXPECT_EQ(history("Orders"), 0);
}

TEST_F(RecordTest, NamesOfViewsFollowTheCatalogue) {
  const auto owners = [&] {
    std::map<std::string, std::string> out;
    for (const auto& owner : store.read([](state::Tx& tx) { return view_owners(tx); }))
      out[owner.view_name] = owner.source_name;
    return out;
  };
  catalogue.owners = {{"orders", "files"}, {"items", "files"}};
  record_run({});
  EXPECT_EQ(owners(), catalogue.owners);
  catalogue.owners = {{"orders", "crm"}};
  record_run({});
  EXPECT_EQ(owners(), catalogue.owners);
  record_run({}, false);
  EXPECT_EQ(owners(), catalogue.owners);
}

}  // namespace
}  // namespace agnes::sync
