#include "lib/duck/database.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "lib/duck/rows.h"

namespace agnes::duck {
namespace {

struct Item {
  std::string id;
  std::optional<std::string> note;
  std::int64_t count = 7;
  bool flag = false;
  double share = 0;
  std::optional<Timestamp> seen_at;
  std::vector<std::string> tags;
  boost::json::value extra;
};
BOOST_DESCRIBE_STRUCT(Item, (), (id, note, count, flag, share, seen_at, tags, extra))

TEST(Database, RowsBecomeStructsByName) {
  Database database{DatabaseOptions{}};
  auto connection = database.connect();
  connection.execute(
      "CREATE TABLE t(extra JSON, tags VARCHAR[], seen_at TIMESTAMP, share DOUBLE, flag BOOLEAN, count "
      "INTEGER, "
      "note VARCHAR, id VARCHAR)");
  const std::string long_text(1000, 'x');
  connection.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?)", R"({"a":[1]})", TextList{"p", "q"},
                     Timestamp{1'700'000'000'000'001}, 0.5, true, 3, nullptr, long_text);
  connection.execute("INSERT INTO t (id) VALUES (?)", "b");
  auto items = rows<Item>(connection, "SELECT * FROM t ORDER BY id DESC");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].id, long_text);
  EXPECT_EQ(items[0].note, std::nullopt);
  EXPECT_EQ(items[0].count, 3);
  EXPECT_TRUE(items[0].flag);
  EXPECT_EQ(items[0].seen_at->micros, 1'700'000'000'000'001);
  EXPECT_EQ(items[0].tags, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(items[0].extra.at("a").at(0).as_int64(), 1);
  EXPECT_EQ(items[1].count, 7) << "NULL leaves the default";
  EXPECT_EQ(scalar<std::int64_t>(connection, "SELECT count(*) FROM t WHERE id = ?", "b"), 1);
}

TEST(Database, AnErrorHasDuckDBsTypeAndEndsTheTransaction) {
  Database database{DatabaseOptions{}};
  auto connection = database.connect();
  connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  try {
    Transaction transaction(connection);
    connection.execute("INSERT INTO t VALUES (1)");
    connection.execute("INSERT INTO t VALUES (1)");
    FAIL() << "a duplicate key was taken";
  } catch (const QueryError& error) {
    EXPECT_EQ(error.type(), DUCKDB_ERROR_CONSTRAINT);
  }
  EXPECT_EQ(scalar<std::int64_t>(connection, "SELECT count(*) FROM t"), 0);
}

TEST(Database, ListsOfAnyLengthAreParameters) {
  Database database{DatabaseOptions{}};
  auto connection = database.connect();
  for (const auto& list : {TextList{}, TextList{"a"}, TextList{"b", std::string(100, 'c')}})
    EXPECT_EQ(scalar<std::int64_t>(connection, "SELECT len(?)", list),
              static_cast<std::int64_t>(list.size()));
}

// What is freed is overwritten meanwhile: a task that outlives its connection ends this process.
TEST(Database, AnExceptionEndsAStatementWithItsConnection) {
  Database database{DatabaseOptions{.file = {}, .settings = {{"threads", "4"}}}};
  database.connect().execute("CREATE TABLE t AS SELECT i FROM range(1000000) r(i)");
  ::mallopt(M_PERTURB, 0x55);
  for (int i = 0; i < 50; ++i) {
    try {
      auto connection = database.connect();
      auto result = connection.stream("SELECT * FROM t");
      EXPECT_GT(result.fetch().size(), 0u);
      throw std::runtime_error("enough");
    } catch (const std::runtime_error&) {
      continue;
    }
  }
  ::mallopt(M_PERTURB, 0);
}

TEST(Database, QuotesWhatItPutsIntoSql) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
}

}  // namespace
}  // namespace agnes::duck
