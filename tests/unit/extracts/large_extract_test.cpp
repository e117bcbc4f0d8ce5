#include "extracts/extract_fixture.h"

// What an extract says of its tables is limited, so that a catalogue can be handed over whatever strangers write.
namespace agnes::extracts {
namespace {

class LargeExtract : public ExtractTest {};

TEST_F(LargeExtract, TextsAreCutWhereTheyAreRead) {
  make_extract("loud", "orders", 1);
  run_sql(extracts() / "loud" / "extract.duckdb",
          "UPDATE _meta SET description = repeat('\u017e', 1000000);"
          "INSERT INTO _meta SELECT repeat('n', 60000) || i, '', 1, 1, NULL, 'local' FROM range(500) t(i)");
  const auto catalogue = read();
  ASSERT_NE(find(catalogue, "orders"), nullptr) << problems(catalogue);
  EXPECT_LT(find(catalogue, "orders")->description.size(), 5000u);
  EXPECT_LE(catalogue.problems.size(), 101u);
  EXPECT_LT(problems(catalogue).size(), 100'000u);
  EXPECT_NE(problems(catalogue).find("'loud' has more problems"), std::string::npos);
}

TEST_F(LargeExtract, TheSourceThatSaysMostIsLeftOutAndNoOther) {
  make_extract("good", "fine", 3);
  for (const std::string source : {"loud", "louder"}) {
    const int size = (source == "loud" ? 26 : 30) << 20;
    run_sql(extracts() / source / "extract.duckdb",
            meta_sql() +
                fmt::format("ATTACH ':memory:' AS far; CREATE TABLE far.orders (id INTEGER);"
                            "CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, "
                            "token_env VARCHAR);"
                            "INSERT INTO _remote_attach VALUES ('far', 'bigquery', 'project=acme', NULL);"
                            "CREATE VIEW view_of_{0} AS SELECT id, '{1}' AS text FROM far.main.orders;"
                            "INSERT INTO _meta VALUES ('view_of_{0}', '', 1, 1, NULL, 'remote')",
                            source, std::string(static_cast<std::size_t>(size), 'x')));
  }
  const auto catalogue = read();
  EXPECT_NE(find(catalogue, "fine"), nullptr) << problems(catalogue);
  EXPECT_NE(find(catalogue, "view_of_loud"), nullptr) << problems(catalogue);
  EXPECT_EQ(find(catalogue, "view_of_louder"), nullptr);
  EXPECT_NE(problems(catalogue).find("the tables of 'louder' are not served"), std::string::npos);
}

}  // namespace
}  // namespace agnes::extracts
