#include "core/sync/plan.h"

#include "sync/sync_fixture.h"

namespace agnes::sync {
namespace {

constexpr const char* kNoon = "12:00:00";

SyncState last_sync(const std::string& table, Timestamp time) {
  SyncState out;
  out.table_id = table;
  out.last_sync = time;
  return out;
}

struct PlanTest : testing::Test {
  std::vector<catalog::Registration> tables;
  std::vector<SyncState> states;
  Ledger::Entries ledger;
  std::unique_ptr<catalog::Generation> served;

  SyncPlan plan(SyncScope scope = SyncScope::due, const char* time = kNoon) const {
    return make_plan(RegistrySnapshot(tables, states), ledger, served.get(), at(time), scope);
  }
  // The one table's.
  PlanReason reason(SyncScope scope = SyncScope::due, const char* time = kNoon) const {
    const auto made = plan(scope, time);
    EXPECT_EQ(made.tables.size(), 1u);
    const auto& table = made.tables.at(0);
    const bool waits = table.reason == PlanReason::not_yet || table.reason == PlanReason::retry_not_yet;
    EXPECT_EQ(table.due, !waits) << describe(table.reason);
    return table.reason;
  }
  void serve(bool with_data) {
    catalog::Table table;
    table.id = tables.at(0).id;
    table.name = tables.at(0).name;
    if (with_data) table.files = {"/data/report.parquet"};
    served = std::make_unique<catalog::Generation>(1, std::vector{table});
  }
};

TEST_F(PlanTest, AnEmptyRegistryStillWantsNewTables) {
  for (const auto scope : {SyncScope::due, SyncScope::all}) {
    const auto made = plan(scope);
    EXPECT_EQ(made.due(), 0u);
    EXPECT_EQ(made.not_due(), 0u);
    EXPECT_TRUE(made.new_tables);
    EXPECT_TRUE(made.selection().is_all());
  }
}

TEST_F(PlanTest, ATableWithoutAScheduleIsBroughtInEachRun) {
  tables = {registered("Orders")};
  EXPECT_EQ(reason(), PlanReason::no_schedule);
  ledger["orders"].succeeded = at(kNoon);
  EXPECT_EQ(reason(), PlanReason::no_schedule);
  EXPECT_TRUE(plan().selection().is_all());
}

TEST_F(PlanTest, ASchedulesTimeCounts) {
  tables = {scheduled("Orders", "every 6h")};
  EXPECT_EQ(reason(), PlanReason::never_synced);
  ledger["orders"].succeeded = at("06:01:00");
  EXPECT_EQ(reason(), PlanReason::not_yet);
  EXPECT_EQ(reason(SyncScope::due, "12:01:00"), PlanReason::scheduled);
  tables = {scheduled("Orders", "daily 03:00")};
  EXPECT_EQ(reason(), PlanReason::not_yet);
  ledger["orders"].succeeded = at("02:59:00");
  EXPECT_EQ(reason(), PlanReason::scheduled);
}

TEST_F(PlanTest, WithoutAnEntryInTheLedgerTheStateCounts) {
  tables = {scheduled("Orders", "every 6h")};
  states = {last_sync("ORDERS", at("11:00:00"))};
  EXPECT_EQ(reason(), PlanReason::not_yet);
  ledger["orders"].succeeded = at("05:00:00");
  EXPECT_EQ(reason(), PlanReason::scheduled) << "the ledger knows better";
}

TEST_F(PlanTest, ARedefinedTableIsDue) {
  const TemporaryFolder home(fs::temp_directory_path());
  Ledger file(home.path() / "synced.json");
  file.redefined("Orders");
  tables = {scheduled("Orders", "daily 03:00")};
  states = {last_sync("orders", at("11:00:00"))};
  EXPECT_EQ(reason(), PlanReason::not_yet);
  ledger = file.entries();
  EXPECT_EQ(reason(), PlanReason::scheduled);
}

TEST_F(PlanTest, AnInvalidScheduleIsNoneAndIsReported) {
  tables = {scheduled("Orders", "every day")};
  states = {last_sync("orders", at("11:59:00"))};
  EXPECT_EQ(reason(), PlanReason::invalid_schedule);
  ASSERT_EQ(plan().warnings.size(), 1u);
  EXPECT_EQ(plan().warnings[0],
            "table Orders: invalid schedule \"every day\", so it is synced each time; write \"every 6h\" or "
            "\"daily 03:00\"");
  tables = {scheduled("Report", "every day", "materialized")};
  EXPECT_NE(plan().warnings.at(0).find("synced every 1h"), std::string::npos) << plan().warnings.at(0);
  tables = {scheduled("Orders", "")};
  EXPECT_EQ(reason(), PlanReason::no_schedule);
  EXPECT_TRUE(plan().warnings.empty());
}

TEST_F(PlanTest, AMaterializedTableIsDueAnHourAfterItsLastSync) {
  tables = {registered("Report", "materialized")};
  EXPECT_EQ(reason(), PlanReason::never_synced);
  ledger["report"].succeeded = at("11:01:00");
  EXPECT_EQ(reason(), PlanReason::not_yet);
  EXPECT_EQ(reason(SyncScope::due, "12:01:00"), PlanReason::scheduled);
  serve(true);
  EXPECT_EQ(reason(), PlanReason::not_yet);
  serve(false);
  EXPECT_EQ(reason(), PlanReason::no_data);
}

TEST_F(PlanTest, AFailedQueryIsTriedAgainAfterAnHourOrByItsScheduleIfThatIsSooner) {
  tables = {registered("Report", "materialized")};
  serve(false);
  ledger["report"].failed = at(kNoon);
  EXPECT_EQ(reason(SyncScope::due, "12:59:00"), PlanReason::retry_not_yet);
  EXPECT_EQ(reason(SyncScope::all, "12:59:00"), PlanReason::retry_not_yet);
  EXPECT_EQ(reason(SyncScope::due, "13:00:00"), PlanReason::never_synced);
  tables = {scheduled("Report", "every 15m", "materialized")};
  EXPECT_EQ(reason(SyncScope::due, "12:14:00"), PlanReason::retry_not_yet);
  EXPECT_EQ(reason(SyncScope::due, "12:15:00"), PlanReason::never_synced);
  tables = {scheduled("Report", "daily 03:00", "materialized")};
  EXPECT_EQ(reason(SyncScope::due, "13:00:00"), PlanReason::never_synced);
  EXPECT_EQ(reason(SyncScope::due, "11:00:00"), PlanReason::never_synced) << "a clock that was set back";
  tables = {scheduled("Report", "every 6h")};
  EXPECT_EQ(reason(SyncScope::due, "12:01:00"), PlanReason::never_synced) << "it costs nothing";
}

TEST_F(PlanTest, AllIsAllButMaterializedTablesThatAreNotDue) {
  tables = {scheduled("Orders", "daily 03:00"), registered("Report", "materialized")};
  ledger["orders"].succeeded = ledger["report"].succeeded = at("11:59:00");
  const auto made = plan(SyncScope::all);
  EXPECT_EQ(made.tables[0].reason, PlanReason::everything);
  EXPECT_EQ(made.tables[1].reason, PlanReason::not_yet);
  EXPECT_EQ(made.due(), 1u);
  EXPECT_EQ(made.not_due(), 1u);
  const auto selection = made.selection();
  EXPECT_FALSE(selection.is_all());
  EXPECT_TRUE(selection.includes_new());
  EXPECT_TRUE(selection.includes("ORDERS"));
  EXPECT_FALSE(selection.includes("report"));
}

TEST_F(PlanTest, NamedTablesAreBroughtWhateverTheirSchedulesAndNoOthers) {
  tables = {registered("Monthly Report", "materialized")};
  serve(true);
  const auto made = plan_of({"monthly_report", "gone"}, *served);
  ASSERT_EQ(made.tables.size(), 1u) << "what was unregistered meanwhile is passed over";
  EXPECT_EQ(made.tables[0].name, "Monthly Report");
  EXPECT_EQ(made.tables[0].reason, PlanReason::named);
  const auto selection = made.selection();
  EXPECT_FALSE(selection.is_all());
  EXPECT_FALSE(selection.includes_new());
  EXPECT_TRUE(selection.includes("monthly report"));
  EXPECT_FALSE(plan_of({"gone"}, *served).selection().is_all());
}

}  // namespace
}  // namespace agnes::sync
