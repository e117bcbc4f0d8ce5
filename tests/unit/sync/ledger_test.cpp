#include "core/sync/ledger.h"

#include "sync/sync_fixture.h"

namespace agnes::sync {
namespace {

struct LedgerTest : testing::Test {
  TemporaryFolder home{fs::temp_directory_path()};
  const fs::path file = home.path() / "synced.json";
  Ledger ledger{file};
  std::vector<catalog::Registration> tables{registered("Orders"), registered("items")};

  void record(const RunLedger& run) {
    const RegistrySnapshot registry(tables, {});
    ledger.record_attempts(run, registry);
    ledger.record_failures(run, registry);
  }
  static RunLedger run(const std::vector<TableOutcome>& outcomes,
                       const TableSelection& selection = TableSelection::all()) {
    return {.started = at("12:00:30"), .selection = selection, .outcomes = outcomes};
  }
  std::vector<std::string> failing() const {
    std::vector<std::string> out;
    for (const auto& failure : ledger.failures()) out.push_back(failure.table);
    return out;
  }
};

TEST_F(LedgerTest, SuccessesAreKeptToTheMinuteFromOneStartToTheNext) {
  record(run({succeeded("Orders"), failed("items", "the file is gone")}));
  EXPECT_EQ(ledger.entries().at("orders").succeeded, at("12:00:00"));
  EXPECT_EQ(ledger.entries().at("items").succeeded, std::nullopt);
  EXPECT_EQ(ledger.entries().at("items").failed, at("12:00:00"));
  const Ledger next(file);
  EXPECT_EQ(next.entries().at("orders").succeeded, at("12:00:00"));
  EXPECT_FALSE(next.entries().contains("items")) << "failures are tried again after a start";

  record(run({succeeded("items")}));
  EXPECT_EQ(ledger.entries().at("items").failed, std::nullopt);
  EXPECT_EQ(ledger.entries().at("items").succeeded, at("12:00:00"));
}

TEST_F(LedgerTest, ProblemsStandUntilTheirSourceIsAskedAgain) {
  auto one = run({});
  one.problems["local"] = {{"refused", "local", "", {}, {}, "a name"},
                           {"removed", "local", "x", {}, {}, "gone"}};
  one.problems["keboola"] = {{"source", "keboola", "", {}, {}, "HTTP 500"}};
  record(one);
  ASSERT_EQ(ledger.problems().size(), 2u) << "a note is nothing wrong";
  auto other = run({});
  other.problems["keboola"] = {};
  record(other);
  ASSERT_EQ(ledger.problems().size(), 1u);
  EXPECT_EQ(ledger.problems()[0].message, "a name");
}

TEST_F(LedgerTest, ADamagedFileIsNotUsed) {
  replace_file(file, "{\"orders\": ");
  EXPECT_TRUE(Ledger(file).entries().empty());
}

TEST_F(LedgerTest, WhatIsNotRegisteredAnyMoreIsForgotten) {
  record(run({succeeded("Orders"), succeeded("items")}));
  tables = {registered("items")};
  record(run({}));
  EXPECT_FALSE(ledger.entries().contains("orders"));
  EXPECT_TRUE(ledger.entries().contains("items"));
}

TEST_F(LedgerTest, WhatIsRedefinedWhileARunBringsItStaysDue) {
  auto running = run({succeeded("Orders"), failed("items", "the query is wrong")});
  running.started = now();
  ledger.redefined("ORDERS");
  ledger.redefined("items");
  record(running);
  EXPECT_EQ(ledger.entries().at("orders").succeeded, Timestamp{});
  EXPECT_EQ(ledger.entries().at("items").failed, std::nullopt) << "the new query is not to wait for a retry";
  running.started = now();
  record(running);
  EXPECT_NE(ledger.entries().at("orders").succeeded, Timestamp{});
}

TEST_F(LedgerTest, AFailureStaysUntilTheTableIsTriedAgain) {
  record(run({failed("Orders", "the file is gone"), failed("extra", "no table can be made of it")}));
  EXPECT_EQ(failing(), (std::vector<std::string>{"Orders", "extra"}));
  record(run({succeeded("items")}, TableSelection::named({"items"})));
  EXPECT_EQ(failing(), (std::vector<std::string>{"Orders", "extra"}));
  record(run({}, TableSelection::named_and_new({"items"})));
  EXPECT_EQ(failing(), std::vector<std::string>{"Orders"}) << "a new table was looked for and is not there";

  auto stopped = run({failed("items", "the file is gone")});
  stopped.failure = std::make_exception_ptr(std::runtime_error("cancelled"));
  record(stopped);
  EXPECT_EQ(failing(), (std::vector<std::string>{"Orders", "items"})) << "not all were tried";

  auto missing = run({succeeded("items")});
  missing.missing = {{"Orders", "the source has no table 'Orders'"}};
  record(missing);
  ASSERT_EQ(failing(), std::vector<std::string>{"Orders"});
  EXPECT_EQ(ledger.failures()[0].error, "the source has no table 'Orders'");
  EXPECT_EQ(ledger.entries().at("orders").failed, at("12:00:00")) << "of the run that tried it";
  ledger.unregistered("ORDERS");
  EXPECT_TRUE(failing().empty());
}

}  // namespace
}  // namespace agnes::sync
