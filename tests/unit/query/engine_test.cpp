#include "core/query/engine.h"

#include <condition_variable>
#include <thread>

#include "core/query/messages.h"
#include "fixture.h"
#include "lib/base/json.h"

namespace agnes::query {
namespace {

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

// What kills DuckDB 1.5.5, or takes it minutes, is refused by the text or ends by its own limit.
TEST(Engine, StatementsThatExhaust) {
  const std::pair<std::string, int> cases[] = {
      {"SELECT " + repeated("(", 50000) + "1" + repeated(")", 50000), 400},
      {"SELECT " + repeated("[", 50000) + repeated("]", 50000), 400},
      {"SELECT " + repeated("(SELECT ", 199) + "1" + repeated(")", 199), 400},
      {"SELECT * FROM " + repeated("(FROM ", 50000) + "range(1)" + repeated(")", 50000), 400},
      {"SELECT 1" + repeated("+1", 900), 400},
      {"SELECT 1" + repeated("+1", 50000), 400},
      {"SELECT 'a'" + repeated("||'a'", 900), 400},
      {"SELECT 'a'" + repeated("||'a'", 50000), 400},
      {"SELECT " + repeated("- ", 50000) + "1", 400},
      {"SELECT " + repeated("NOT ", 50000) + "true", 400},
      {"SELECT x" + repeated(".a", 50000) + " FROM (SELECT 1 AS x)", 400},
      {"SELECT (x)" + repeated(".\"a\"", 50000) + " FROM (SELECT 1 AS x)", 400},
      {"SELECT x" + repeated("[1]", 50000) + " FROM (SELECT 1 AS x)", 400},
      {"SELECT 1" + repeated("::INT", 50000), 400},
      {"SELECT " + repeated("CASE WHEN true THEN ", 5000) + "1" + repeated(" END", 5000), 400},
      {"SELECT 1 WHERE 1=1" + repeated(" OR 1=2", 60000), 400},
      {"SELECT 1 WHERE 1=1" + repeated(" AND 1=1", 60000), 400},
      {"SELECT 1 WHERE 1=1" + repeated(" OR 1=2", 100000), 413},
      {"SELECT 1 FROM range(1)" + repeated(", range(1)", 20000), 400},
      {"SELECT 1" + repeated(" UNION ALL SELECT 1", 50000), 400},
      {"SELECT " + repeated("list_transform([1], lambda x: ", 30) + "1" + repeated(")", 30), 400},
      {"SELECT 1 IN (1" + repeated(",1", 200000) + ")", 413},
      {"SELECT '" + std::string(5u << 20, 'x') + "'", 413},
      {std::string(5u << 20, ' ') + "SELECT 1", 413},
      {"SELECT '" + repeated("[", 5000) + "'::JSON::VARCHAR", 400},
  };
  for (const auto& [sql, status] : cases) {
    const auto got = outcome(sql);
    EXPECT_EQ(got.status, status) << sql.substr(0, 80) << "\n" << got.text.substr(0, 300);
    EXPECT_LT(got.text.size(), 1000u);
  }
  EXPECT_EQ(rows("SELECT length('" + std::string(900'000, 'x') + "')"), "[[900000]]");
  EXPECT_EQ(rows("SELECT count(*) FROM range(100000) r(i) WHERE i IN (" + repeated("1, 2, ", 40'000) + "3)"),
            "[[3]]");
  EXPECT_EQ(rows("SELECT 1" + repeated("+1", 250)), "[[251]]");
  EXPECT_EQ(rows("SELECT count(*) FROM (SELECT 1" + repeated(" UNION ALL SELECT 1", 1000) + ")"), "[[1001]]");
  EXPECT_EQ(rows("SELECT " + repeated("list_transform([1], lambda x: ", 8) + "1" + repeated(")", 8)),
            "[[[[[[[[[[1]]]]]]]]]]");
  EXPECT_EQ(rows("SELECT 1 WHERE 1=1" + repeated(" OR 1=2", 1000)), "[[1]]");
}

TEST(Engine, AnswersWithoutEndAreCut) {
  EXPECT_NE(answer("SELECT * FROM range(1000000000000)", 3)
                .find("[[0],[1],[2]],\"row_count\":3,\"truncated\":true"),
            std::string::npos);
  EXPECT_NE(answer("SELECT a.range FROM range(10000000) a, range(10000000) b", 1).find("\"truncated\":true"),
            std::string::npos);
  // Without a limit in SQL the recursion itself never ends; with one it must not either be run to its end.
  EXPECT_NE(
      answer(
          "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 100) SELECT n FROM r",
          2)
          .find("\"truncated\":true"),
      std::string::npos);
}

TEST(Engine, AnswersOverTheLimitAreRefusedWhole) {
  Statement statement;
  statement.sql = "SELECT repeat('x', 1000) FROM range(1000)";
  statement.max_result_bytes = 100'000;
  std::size_t parts = 0;
  try {
    engine().run(statement, [&](std::string_view) { ++parts; });
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::too_large);
  }
  EXPECT_EQ(parts, 0u);
  statement.max_result_bytes = 10u << 20;
  std::size_t bytes = 0;
  engine().run(statement, [&](std::string_view part) {
    ++parts;
    bytes += part.size();
  });
  EXPECT_GT(parts, 1u);
  EXPECT_GT(bytes, 1'000'000u);
}

TEST(Engine, AnErrorHalfWayHandsOutNothing) {
  std::size_t parts = 0;
  EXPECT_THROW(
      engine().run(
          {"SELECT CASE WHEN i = 900000 THEN error('late') ELSE i::VARCHAR END FROM range(1000000) r(i)",
           2'000'000},
          [&](std::string_view) { ++parts; }),
      Error);
  EXPECT_EQ(parts, 0u);
}

TEST(Engine, MemoryIsBounded) {
  const auto got = outcome("SELECT length(list(repeat('x', 1000) || i)::VARCHAR) FROM range(10000000) r(i)");
  EXPECT_EQ(got.status, 413) << got.text;
  EXPECT_EQ(rows("SELECT 1"), "[[1]]");
}

TEST(Engine, BadRequests) {
  EXPECT_EQ(outcome("").status, 400);
  EXPECT_EQ(outcome("  \n ").status, 400);
  EXPECT_THROW(engine().run({"SELECT 1", -5}, [](std::string_view) {}), Error);
  EXPECT_THROW(engine().run({"SELECT 1", 1, 1000, "xml"}, [](std::string_view) {}), Error);
  EXPECT_EQ(outcome("FROM empty").status, 400);
}

TEST(Engine, AnInterruptEndsTheStatement) {
  Engine own(data().setup);
  for (const auto* sql :
       {"SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range + b.range) = 1",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"}) {
    std::atomic<bool> ended = false;
    // An interrupt before the start reaches nothing, so it is repeated until the statement has ended.
    std::thread other([&] {
      while (!ended) own.interrupt();
    });
    ErrorKind kind = ErrorKind::internal;
    try {
      own.run({sql}, [](std::string_view) {});
    } catch (const Error& error) {
      kind = error.kind();
    }
    ended = true;
    other.join();
    EXPECT_EQ(kind, ErrorKind::timeout) << sql;
    std::string out;
    own.run({"SELECT 1"}, [&](std::string_view part) { out += part; });
    EXPECT_NE(out.find("[[1]]"), std::string::npos) << "an interrupt outlived its statement";
  }
  own.interrupt();
  EXPECT_NO_THROW(own.run({"SELECT 1"}, [](std::string_view) {}));
}

// What one statement leaves is not there for the next.
TEST(Engine, StatementsLeaveNothing) {
  Engine own(data().setup);
  const auto run = [&](const std::string& sql) {
    std::string out;
    own.run({sql}, [&](std::string_view part) { out += part; });
    return out;
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(run("PIVOT orders ON currency USING count(*) GROUP BY day").find("EUR"), std::string::npos);
    EXPECT_THROW(run("SELECT * FROM nope"), Error);
    EXPECT_THROW(run("SELECT 1/0 FROM range(3) WHERE error('x') IS NULL"), Error);
    EXPECT_NE(run("SELECT count(*) FROM orders").find("2000"), std::string::npos);
  }
}

TEST(Engine, SetupsTravelAsJson) {
  const auto setup = json::from_json<EngineSetup>(json::to_json(data().setup));
  ASSERT_EQ(setup.tables.size(), data().setup.tables.size());
  EXPECT_EQ(setup.tables[0].files, data().setup.tables[0].files);
  EXPECT_EQ(setup.tables[2].attach_file, data().setup.tables[2].attach_file);
  Statement statement;
  statement.sql = "SELECT 'ž'";
  EXPECT_EQ(json::from_json<Statement>(json::to_json(statement)).sql, statement.sql);
}

// Messages of DuckDB for callers.

TEST(Messages, NothingOfTheServerIsInAnError) {
  for (const auto* sql : {"SELECT nope FROM orders",
                          "SELECT orders.nope FROM orders",
                          "SELECT id::DATE FROM orders",
                          "SELECT name::INT FROM customers",
                          "SELECT filename FROM orders",
                          "SELECT file_row_number FROM orders",
                          "SELECT rowid FROM orders",
                          "SELECT ordrs.id FROM orders",
                          "SELECT custmers.id FROM orders",
                          "SELECT suum(1)",
                          "SELECT sum('a')",
                          "SELECT 1::salaries",
                          "SELECT 'a' COLLATE nocas",
                          "SELECT * FROM salarie",
                          "SELECT * FROM stok",
                          "FROM custmers",
                          "SELECT upper(1, 2)",
                          "SELECT id FROM orders, orders o2",
                          "SELECT error('/etc/passwd')",
                          "SELECT max(day) + 'x' FROM orders",
                          "SELECT * FROM orders WHERE total = 'x'",
                          "SELECT count(*) FROM orders GROUP BY day HAVING id > 1",
                          "SELECT unnest(id) FROM orders",
                          "SELECT strptime('x', '%Y')",
                          "SELECT * FROM orders JOIN stock USING (id)",
                          "PIVOT orders ON nope USING count(*)",
                          "SUMMARIZE stoc",
                          "EXPLAIN FROM stoc"}) {
    const auto got = outcome(sql);
    EXPECT_GE(got.status, 400) << sql;
    for (const auto* word :
         {"Did you mean", "Candidate", "LINE ", "\n", ".parquet", ".duckdb", "read_parquet", "pg_catalog",
          "information_schema", "duckdb_", "memory.", "extract_", "SET "})
      EXPECT_EQ(got.text.find(word), std::string::npos) << sql << "\n" << got.text;
    EXPECT_EQ(got.text.find(data().home.path().string()), std::string::npos) << sql << "\n" << got.text;
  }
}

TEST(Messages, KeepWhatHelps) {
  EXPECT_NE(outcome("SELECT nope FROM orders").text.find("\"nope\" not found"), std::string::npos);
  EXPECT_NE(outcome("SELECT 1,\n nope FROM orders").text.find("(line 2)"), std::string::npos)
      << outcome("SELECT 1,\n nope FROM orders").text;
  EXPECT_NE(outcome("SELECT name::INT FROM customers").text.find("Could not convert string"),
            std::string::npos);
  EXPECT_NE(outcome("SELECT FROM WHERE").text.find("syntax error at or near \"WHERE\""), std::string::npos);
  EXPECT_EQ(first_line("Catalog Error: no x!\nDid you mean \"y\"?\n\nLINE 1: SELECT x\n   ^"),
            "Catalog Error: no x!");
}

TEST(Messages, ExplainOfPivotSaysWhatItNeeds) {
  EXPECT_NE(outcome("EXPLAIN PIVOT orders ON currency USING count(*)").text.find("add IN (...)"),
            std::string::npos);
  EXPECT_EQ(outcome("EXPLAIN PIVOT salaries ON currency IN ('EUR') USING count(*)").status, 403);
}

TEST(Messages, AreShort) {
  const std::string name(100'000, 'x');
  for (const auto& sql :
       {"SELECT " + name + "()", "SELECT * FROM " + name, "SELECT " + name, "SELECT '" + name + "'::INT",
        name, "SELECT error('" + name + "')", "SELECT 1 AS \"" + name + "\", nope"}) {
    const auto got = outcome(sql);
    EXPECT_GE(got.status, 400);
    EXPECT_LT(got.text.size(), 1'200u) << sql.substr(0, 30);
  }
  EXPECT_EQ(shown_text("žž", 3), "ž...");
  EXPECT_EQ(shown_text("a\nb", 9), "a\\nb");
}

TEST(Messages, PlansNameNoFile) {
  for (const auto* sql :
       {"EXPLAIN ANALYZE SELECT count(*) FROM orders",
        "EXPLAIN ANALYZE SELECT count(*) FROM orders JOIN customers USING (customer_id)",
        "EXPLAIN ANALYZE SELECT count(*) FROM orders JOIN customers USING (customer_id), stock WHERE "
        "orders.id < 100",
        "EXPLAIN ANALYZE SELECT * FROM customers UNION ALL SELECT customer_id, currency, '' FROM orders",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT count(*) FROM orders JOIN customers USING (customer_id), "
        "stock",
        "EXPLAIN FROM stock", "EXPLAIN ANALYZE FROM stock", "EXPLAIN (FORMAT json) FROM stock"}) {
    const auto got = outcome(sql);
    EXPECT_EQ(got.status, 200) << got.text;
    std::string letters;  // boxes break names over lines
    for (char c : got.text)
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '-') letters += c;
    const auto home = data().home.path();
    for (const auto& part : {home.string(), std::string("orders-0"), std::string("customersparquet"),
                             std::string("ename"), std::string("agnes-tmp")})
      EXPECT_EQ(letters.find(part), std::string::npos) << part << "\n" << got.text;
  }
}

TEST(Messages, BoxesSideBySideAreHiddenByColumn) {
  const std::string plan =
      "\xe2\x94\x82 Filename(s):  \xe2\x94\x82\xe2\x94\x82 Filters: a=1  \xe2\x94\x82\n"
      "\xe2\x94\x82 /data/a/b     \xe2\x94\x82\xe2\x94\x82 /looks/like    \xe2\x94\x82\n"
      "\xe2\x94\x82  /c.parquet   \xe2\x94\x82\xe2\x94\x82                \xe2\x94\x82\n"
      "\xe2\x94\x82               \xe2\x94\x82\xe2\x94\x82                \xe2\x94\x82\n"
      "\xe2\x94\x82 10 rows       \xe2\x94\x82\xe2\x94\x82 3 rows         \xe2\x94\x82";
  const auto hidden = hide_files_in_plan(plan, false);
  EXPECT_EQ(hidden.find("/data"), std::string::npos) << hidden;
  EXPECT_EQ(hidden.find("c.parquet"), std::string::npos) << hidden;
  EXPECT_NE(hidden.find("/looks/like"), std::string::npos) << hidden;
  EXPECT_NE(hidden.find("10 rows"), std::string::npos) << hidden;
}

TEST(Remote, WhatNamesOneIsNotRunButTold) {
  Statement statement;
  statement.remote = {"customers"};
  std::string out;
  const auto run = [&](const std::string& sql) {
    out.clear();
    statement.sql = sql;
    return engine().run(statement, [&](std::string_view part) { out += part; });
  };
  EXPECT_EQ(run("SELECT count(*) FROM Customers a, customers b, orders"),
            (Readings{{"customers", 2}, {"orders", 1}}));
  EXPECT_EQ(out, "");
  EXPECT_EQ(run("WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t, customers) SELECT * FROM t")
                .at("customers"),
            -1);
  EXPECT_EQ(run("SELECT count(*) FROM orders"), Readings());
  EXPECT_NE(out.find("[[2000]]"), std::string::npos);
  EXPECT_EQ(run("WITH customers AS (SELECT 7) SELECT * FROM customers"), Readings()) << "another of the name";
  EXPECT_THROW(run("SELECT * FROM customers, salaries"), Error) << "what is refused is not told";
}

TEST(Inspect, TellsTheTablesOfAStatementWithoutRunningIt) {
  const auto found = engine().inspect("WITH c AS (SELECT 1) SELECT * FROM Orders, nowhere, c");
  EXPECT_EQ(found.tables, (std::vector<std::string>{"nowhere", "orders"}));
  EXPECT_EQ(found.refusal, "");
  EXPECT_NE(engine().inspect("SELECT getenv('PATH')").refusal, "");
  EXPECT_THROW(engine().inspect("DELETE FROM orders"), Error);
}

}  // namespace
}  // namespace agnes::query
