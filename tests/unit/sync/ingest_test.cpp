#include "core/sync/ingest.h"

#include "lib/base/error.h"
#include "sync/sync_fixture.h"

namespace agnes::sync {
namespace {

// Reports what the test says, and what it was asked.
struct FakeConnector : Connector {
  std::string type;
  std::vector<TableOutcome> outcomes;
  std::vector<extracts::Problem> problems;
  std::string error;  // what it throws, when not empty
  std::function<void()> during = [] {};
  std::vector<std::string>& asked;

  FakeConnector(std::string type, std::vector<std::string>& asked) : type(std::move(type)), asked(asked) {}

  std::string source_type() const override { return type; }
  boost::json::object test() override { return {}; }
  Discovery discover(const std::optional<std::string>& /*part*/) override { return {}; }
  Extraction extract(const std::vector<catalog::Registration>& registered, const TableSelection& selection,
                     const jobs::Context& context) override {
    std::string line = type;
    for (const auto& row : registered)
      if (selection.includes(row.name)) line += " " + row.name;
    asked.push_back(line + (selection.includes_new() ? " and new" : ""));
    context.progress("asked");
    during();
    if (!error.empty()) throw Error(ErrorKind::bad_gateway, error);
    return {outcomes, problems};
  }
  void remove(const std::string& name, const jobs::Context& /*context*/) override {
    asked.push_back(type + " without " + name);
  }
};

struct IngestTest : testing::Test {
  std::vector<std::string> asked;
  Connectors connectors;
  RegistrySnapshot registry{{registered("Orders"), registered("items")}, {}};

  FakeConnector& add(const std::string& type) {
    connectors.push_back(std::make_unique<FakeConnector>(type, asked));
    return static_cast<FakeConnector&>(*connectors.back());
  }
};

TEST_F(IngestTest, AsksEachConnectorAndSaysWhereEachTableComesFrom) {
  auto& files = add("local");
  files.outcomes = {succeeded("Orders"), failed("items", "the file is gone"), found("ITEMS"), found("extra")};
  add("keboola").outcomes = {succeeded("report")};
  const auto before = now();
  const auto run = ingest(connectors, registry, TableSelection::named_and_new({"ORDERS"}), uncancelled());
  EXPECT_EQ(asked, (std::vector<std::string>{"local Orders and new", "keboola Orders and new"}));
  EXPECT_GE(run.started, before);
  EXPECT_FALSE(run.failure);
  ASSERT_EQ(run.outcomes.size(), 5u);
  EXPECT_EQ(run.outcomes[0].source_type, "local");
  EXPECT_EQ(run.outcomes[4].source_type, "keboola");
  ASSERT_EQ(run.failed().size(), 1u);
  EXPECT_EQ(run.failed()[0].error, "the file is gone");
  EXPECT_EQ(run.failed()[0].duration_ms, 7);

  const auto rows = new_registrations(run, at("12:00:00"));
  ASSERT_EQ(rows.size(), 1u) << "a table whose name is registered is not new";
  EXPECT_EQ(rows[0].name, "extra");
  EXPECT_EQ(rows[0].source_type, "local");
  EXPECT_EQ(rows[0].description, "found in the folder");
}

TEST_F(IngestTest, AConnectorThatFailsStopsNoOther) {
  add("bigquery").error = "HTTP 401";
  add("keboola").error = "HTTP 500";
  add("local").outcomes = {succeeded("Orders")};
  const auto run = ingest(connectors, registry, TableSelection::all(), uncancelled());
  EXPECT_EQ(run.succeeded(), std::vector<std::string>{"Orders"});
  ASSERT_TRUE(run.failure);
  try {
    std::rethrow_exception(run.failure);
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "HTTP 401") << "the first";
  }
  ASSERT_EQ(run.problems.size(), 3u) << "each was asked";
  EXPECT_EQ(run.problems.at("bigquery").at(0).kind, "source");
  EXPECT_EQ(run.problems.at("keboola").at(0).message, "HTTP 500");
  EXPECT_TRUE(run.problems.at("local").empty());
}

TEST_F(IngestTest, AProblemSaysOfWhichSourceItIs) {
  add("local").problems = {{"refused", "", "", {"a$.csv"}, {}, "'a$.csv' is refused"}};
  const auto run = ingest(connectors, registry, TableSelection::all(), uncancelled());
  ASSERT_EQ(run.problems.at("local").size(), 1u);
  EXPECT_EQ(run.problems.at("local")[0].source, "local");
  EXPECT_FALSE(run.failure);
}

TEST_F(IngestTest, OnceCancelledNoMoreAreAskedAndWhatWasFinishedIsKept) {
  std::stop_source stop;
  const jobs::Context context([](const boost::json::value&) {}, StopToken(stop.get_token()));
  auto& files = add("local");
  files.outcomes = {succeeded("Orders")};
  files.during = [&] { stop.request_stop(); };
  add("keboola");
  const auto run = ingest(connectors, registry, TableSelection::all(), context);
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_EQ(run.succeeded(), std::vector<std::string>{"Orders"});
  EXPECT_FALSE(run.problems.contains("keboola")) << "nothing new is known of it";
}

TEST_F(IngestTest, NoConnectorsBringNothing) {
  const auto run = ingest(connectors, registry, TableSelection::all(), uncancelled());
  EXPECT_TRUE(run.outcomes.empty());
  EXPECT_FALSE(run.failure);
}

TEST_F(IngestTest, ATableIsTakenOutOfItsOwnSource) {
  add("local");
  add("keboola");
  take_out(connectors, "keboola", "orders", uncancelled());
  take_out(connectors, "jira", "orders", uncancelled());
  EXPECT_EQ(asked, std::vector<std::string>{"keboola without orders"});
}

}  // namespace
}  // namespace agnes::sync
