// The columns that folders give: the same rules in every format.
#include "connectors/files_fixture.h"

namespace agnes::connectors::files {
namespace {

class Folders : public Files, public testing::WithParamInterface<const char*> {
 protected:
  // A file with one row, v.
  void put_row(const std::string& place, int v) {
    const std::string format = GetParam(), name = fmt::format("{}.{}", place, format);
    if (format == "parquet")
      copy_to(name, fmt::format("SELECT {} AS v", v), "FORMAT parquet");
    else
      put(name, format == "csv" ? fmt::format("v\n{}\n", v) : fmt::format("{{\"v\": {}}}\n", v));
  }
  void expect_refused(const Outcome& outcome, const std::string& table, const std::string& said) const {
    EXPECT_EQ(result(outcome, table).status, "failed");
    EXPECT_NE(result(outcome, table).error.find(said), std::string::npos) << result(outcome, table).error;
  }
};

TEST_P(Folders, AFileOutsideOfThemIsRefusedByName) {
  put_row("below/k=1/a", 1);
  put_row("below/z", 2);
  put_row("above/a", 1);
  put_row("above/k=1/z", 2);
  const Outcome outcome = run();
  for (const char* stray : {"below/z", "above/a"})
    expect_refused(outcome, std::string(stray).substr(0, 5),
                   fmt::format("{}.{} lies in no column=value folder, and ", stray, GetParam()));
}

TEST_P(Folders, NullIsATextAndOnlyTheDefaultPartitionIsNull) {
  put_row("t/k=NULL/a", 1);
  put_row("t/k=__HIVE_DEFAULT_PARTITION__/a", 2);
  put_row("t/k=null/a", 3);
  put_row("t/k=x/a", 4);
  EXPECT_EQ(messages(run()), "");
  EXPECT_TRUE(types("t").ends_with(", k VARCHAR")) << types("t");
  for (const char* row : {"1|NULL", "2|-", "3|null", "4|x"})
    EXPECT_NE((";" + rows("t") + ";").find(fmt::format(";{};", row)), std::string::npos) << rows("t");
}

TEST_P(Folders, NamesThatGiveNoColumnAreRefused) {
  put_row("twice/k=1/K=2/a", 1);
  put_row("nul/k=a%00b/a", 1);
  put_row("bytes/k=%FF/a", 1);
  const Outcome outcome = run();
  expect_refused(outcome, "twice", "lies in two folders that give the column 'K': rename one of them");
  expect_refused(outcome, "nul", "lies in the folder 'k=a%00b', whose value is no text of UTF-8");
  expect_refused(outcome, "bytes", "lies in the folder 'k=%FF', whose value is no text of UTF-8");
}

TEST_P(Folders, ATypeMayBeSetForThem) {
  for (const char* table : {"text", "small", "wrong"})
    for (const char* year : {"2024", "2025"}) put_row(fmt::format("{}/year={}/a", table, year), 1);
  put_row("wrong/year=x/a", 1);
  const Outcome outcome = run([](Job& job) {
    for (const auto& [table, type] :
         {std::pair{"text", "VARCHAR"}, {"small", "SMALLINT"}, {"wrong", "BIGINT"}}) {
      auto& spec = job.tables.emplace_back();
      spec.name = table;
      spec.types = {{"year", type}};
    }
  });
  EXPECT_TRUE(types("text").ends_with(", year VARCHAR")) << messages(outcome);
  EXPECT_TRUE(types("small").ends_with(", year SMALLINT")) << messages(outcome);
  EXPECT_EQ(rows("small"), "1|2024;1|2025");
  expect_refused(outcome, "wrong", "wrong/year=x/a.");
  expect_refused(outcome, "wrong", "'x'");
}

INSTANTIATE_TEST_SUITE_P(Formats, Folders, testing::Values("csv", "jsonl", "parquet"));

}  // namespace
}  // namespace agnes::connectors::files
