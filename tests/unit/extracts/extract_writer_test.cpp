#include "core/extracts/extract_writer.h"

#include "core/extracts/table_read.h"
#include "extract_fixture.h"
#include "lib/base/hash.h"

namespace agnes::extracts {
namespace {

class ExtractWriterTest : public ExtractTest {
 protected:
  fs::path folder() const { return extracts() / "files"; }
  static std::string numbers(int rows) {
    return fmt::format("SELECT i AS id, i * 2 AS twice FROM range({}) t(i)", rows);
  }

  // Writes tables a and b with that many rows and commits. `step` is told each step.
  void write_both(int rows, const std::function<void(std::string_view)>& step = {}) const {
    auto engine = open_engine({folder_spill(), 0, 1});
    auto connection = engine.connect();
    ExtractWriter writer(folder());
    writer.after_step = step;
    writer.write(connection, "a", numbers(rows), "first");
    writer.write(connection, "b", numbers(rows), "second");
    writer.commit();
  }
  std::string folder_spill() const { return (root() / "spill").string(); }

  std::vector<std::string> leftovers() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder()))
      if (entry.path().filename().string().starts_with(".agnes-tmp-")) out.push_back(entry.path());
    return out;
  }
};

TEST_F(ExtractWriterTest, WhatIsCommittedIsRead) {
  write_both(100'000);
  const auto catalogue = read();
  ASSERT_EQ(problems(catalogue), "");
  ASSERT_EQ(catalogue.tables.size(), 2u);
  EXPECT_EQ(catalogue.tables[0].rows, 100'000);
  EXPECT_EQ(catalogue.tables[0].description, "first");
  EXPECT_EQ(catalogue.tables[0].hash, md5_file(folder() / "data" / "a.parquet"));
  EXPECT_TRUE(leftovers().empty());

  duck::Database memory({{}, {}});
  auto connection = memory.connect();
  const std::string file = duck::quote_literal((folder() / "data" / "a.parquet").string());
  EXPECT_EQ(duck::scalar<std::string>(connection,
                                      "SELECT any_value(compression) FROM parquet_metadata(" + file + ")"),
            "ZSTD");
  connection.execute("ATTACH " + duck::quote_literal((folder() / "extract.duckdb").string()) +
                     " AS e (READ_ONLY)");
  EXPECT_EQ(duck::scalar<std::int64_t>(connection, "SELECT sum(twice) FROM e.b"), 100'000LL * 99'999);
  EXPECT_EQ(duck::scalar<std::int64_t>(connection, "SELECT sum(\"rows\") FROM e._meta"), 200'000);
}

TEST_F(ExtractWriterTest, NothingIsSeenBeforeTheCommit) {
  write_both(10);
  auto engine = open_engine({folder_spill(), 0, 1});
  auto connection = engine.connect();
  {
    ExtractWriter writer(folder());
    const auto written = writer.write(connection, "a", numbers(20));
    EXPECT_EQ(written.rows, 20);
    writer.write(connection, "c", numbers(5));
    EXPECT_EQ(read().tables.size(), 2u);
    EXPECT_EQ(find(read(), "a")->rows, 10);
  }
  EXPECT_EQ(find(read(), "a")->rows, 10) << "without a commit all is as it was";
  EXPECT_TRUE(leftovers().empty());
}

TEST_F(ExtractWriterTest, AFailedStatementLeavesNothing) {
  write_both(10);
  auto engine = open_engine({folder_spill(), 0, 1});
  auto connection = engine.connect();
  ExtractWriter writer(folder());
  EXPECT_THROW(writer.write(connection, "a", "SELECT CAST('x' || i AS INTEGER) AS n FROM range(10) t(i)"),
               duck::QueryError);
  EXPECT_THROW(writer.write(connection, "../a", numbers(1)), Error);
  EXPECT_FALSE(writer.pending());
  EXPECT_TRUE(leftovers().empty());
  EXPECT_EQ(find(read(), "a")->rows, 10);
}

TEST_F(ExtractWriterTest, RemovesAndRenames) {
  write_both(10);
  auto engine = open_engine({folder_spill(), 0, 1});
  auto connection = engine.connect();
  ExtractWriter writer(folder());
  writer.remove("b");
  writer.remove("never there");
  writer.write(connection, "A", numbers(3));
  writer.commit();
  const auto catalogue = read();
  ASSERT_EQ(problems(catalogue), "");
  ASSERT_EQ(catalogue.tables.size(), 1u);
  EXPECT_EQ(catalogue.tables[0].name, "A");
  EXPECT_FALSE(fs::exists(folder() / "data" / "a.parquet"));
  EXPECT_FALSE(fs::exists(folder() / "data" / "b.parquet"));
  EXPECT_FALSE(writer.pending());
}

TEST_F(ExtractWriterTest, OneWriterAtATime) {
  ExtractWriter first(folder());
  EXPECT_THROW(ExtractWriter second(folder()), Error);
}

TEST_F(ExtractWriterTest, ADamagedDatabaseIsMadeAnewFromTheFiles) {
  write_both(10);
  put(folder() / "extract.duckdb", "damaged");
  EXPECT_FALSE(read().complete);
  {
    ExtractWriter writer(folder());
    EXPECT_EQ(writer.tables().size(), 2u);
    EXPECT_TRUE(writer.pending());
    writer.commit();
  }
  const auto catalogue = read();
  EXPECT_EQ(problems(catalogue), "");
  EXPECT_EQ(catalogue.tables.size(), 2u);
  EXPECT_EQ(read_file(folder() / "extract.duckdb.unreadable"), "damaged");
}

TEST_F(ExtractWriterTest, WhatOthersKeepInTheDatabaseStays) {
  write_both(10);
  const auto file = [&](const char* name) { return (folder() / "data" / name).string(); };
  fs::create_directories(folder() / "data" / "parts");
  for (const char* name : {"parts/1.parquet", "lost.parquet"}) fs::copy_file(file("a.parquet"), file(name));
  {
    duck::Database database({folder() / "extract.duckdb", {}});
    auto connection = database.connect();
    const auto meta = [&](const char* name, const char* mode) {
      connection.execute("INSERT INTO _meta VALUES (?, 'theirs', 3, 3, now(), ?)", name, mode);
    };
    connection.execute("CREATE TABLE _remote_attach AS SELECT 'bq' AS alias");
    connection.execute("CREATE TABLE held AS SELECT 5 AS n");
    meta("held", "local");
    // Elsewhere, though a file of an earlier time lies there.
    connection.execute("ATTACH ':memory:' AS bq");
    connection.execute("CREATE TABLE bq.orders (i INTEGER)");
    connection.execute("CREATE VIEW orders AS SELECT * FROM bq.orders");
    meta("orders", "remote");
    // More than its file, and of several files.
    connection.execute(fmt::format("CREATE VIEW shaped AS SELECT id + 1 AS more FROM read_parquet('{}')",
                                   file("a.parquet")));
    meta("shaped", "local");
    connection.execute(
        fmt::format("CREATE VIEW parts AS SELECT * FROM read_parquet('{}')", file("parts/*.parquet")));
    meta("parts", "local");
    // Lost: ours, but its file is gone.
    connection.execute(
        fmt::format("CREATE VIEW lost AS SELECT * FROM read_parquet('{}')", file("lost.parquet")));
    meta("lost", "local");
  }
  fs::remove(file("lost.parquet"));
  for (const char* name : {"orders.parquet", "shaped.parquet"}) fs::copy_file(file("a.parquet"), file(name));
  const auto views = [&] {
    duck::Database database({folder() / "extract.duckdb", {{"access_mode", "READ_ONLY"}}});
    auto connection = database.connect();
    EXPECT_EQ(duck::scalar<std::int64_t>(connection, "SELECT n FROM held"), 5);
    EXPECT_EQ(duck::scalar<std::string>(connection, "SELECT alias FROM _remote_attach"), "bq");
    EXPECT_EQ(
        duck::scalar<std::int64_t>(connection, "SELECT count(*) FROM _meta WHERE description = 'theirs'"), 4);
    std::string out;
    for (const auto& row :
         connection.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY 1").rows())
      out += std::get<std::string>(row.at(0)) + " " + std::get<std::string>(row.at(1)) + "\n";
    return out;
  };
  {
    ExtractWriter writer(folder());
    EXPECT_EQ(writer.tables().size(), 2u) << "only what is ours";
    auto engine = open_engine({folder_spill(), 0, 1});
    auto connection = engine.connect();
    writer.write(connection, "c", numbers(1));
    writer.remove("b");
    writer.remove("orders");
    writer.commit();
  }
  const auto after = views();
  EXPECT_NE(after.find("orders CREATE VIEW orders AS SELECT * FROM bq.orders"), std::string::npos) << after;
  EXPECT_NE(after.find("shaped CREATE VIEW shaped AS SELECT (id + 1) AS more"), std::string::npos) << after;
  EXPECT_NE(after.find("parts/*.parquet"), std::string::npos) << after;
  EXPECT_EQ(after.find("lost"), std::string::npos) << after;
  EXPECT_EQ(after.find("b CREATE"), std::string::npos) << after;
  EXPECT_TRUE(fs::exists(file("orders.parquet")));
  EXPECT_TRUE(leftovers().empty());
}

TEST_F(ExtractWriterTest, KilledAtAnyStepReadersSeeOldOrNewTables) {
  std::vector<std::string> killed_after;
  for (int stop = 1;; ++stop) {
    fs::remove_all(folder());
    write_both(10);
    std::string at;
    const bool finished = survives([&] {
      int steps = 0;
      write_both(77, [&](std::string_view) {
        if (++steps == stop) ::kill(::getpid(), SIGKILL);
      });
    });
    const auto catalogue = read();
    ASSERT_EQ(problems(catalogue), "") << "killed after step " << stop;
    ASSERT_EQ(catalogue.tables.size(), 2u);
    for (const auto& table : catalogue.tables) {
      EXPECT_TRUE(table.rows == 10 || table.rows == 77) << table.rows;
      EXPECT_EQ(count_rows(table), table.rows);
      EXPECT_EQ(table.hash, md5_file(table.files.at(0).path));
    }
    {
      // So do readers that go through extract.duckdb and know nothing of us.
      duck::Database opened({folder() / "extract.duckdb", {{"access_mode", "READ_ONLY"}}});
      auto connection = opened.connect();
      const auto seen = duck::scalar<std::int64_t>(connection, "SELECT count(*) FROM a");
      EXPECT_TRUE(seen == 10 || seen == 77);
    }
    write_both(99);
    EXPECT_EQ(read().tables.at(0).rows, 99);
    EXPECT_TRUE(leftovers().empty()) << "the next writer clears up";
    if (finished) {
      EXPECT_GE(stop, 8) << "fewer steps than there must be";
      break;
    }
  }
}

TEST_F(ExtractWriterTest, KilledAtTheFirstCommitTheNextOneStartsWell) {
  for (int stop = 1;; ++stop) {
    fs::remove_all(folder());
    const bool finished = survives([&] {
      int steps = 0;
      write_both(5, [&](std::string_view) {
        if (++steps == stop) ::kill(::getpid(), SIGKILL);
      });
    });
    EXPECT_EQ(problems(read()), "") << stop;
    write_both(6);
    EXPECT_EQ(read().tables.size(), 2u);
    if (finished) break;
  }
}

TEST_F(ExtractWriterTest, SamplesAndColumns) {
  auto engine = open_engine({folder_spill(), 0, 1});
  auto connection = engine.connect();
  ExtractWriter writer(folder());
  writer.write(connection, "odd",
               "SELECT 1 AS a, DATE '2026-01-02' AS d, [1, NULL] AS l, {'x': 'é'} AS s, 'nan'::DOUBLE AS n, "
               "'\\xAA'::BLOB AS b, INTERVAL 3 DAYS AS i, 1.50::DECIMAL(9,2) AS m FROM range(3)");
  writer.commit();
  SampleRequest request;
  request.files = {folder() / "data" / "odd.parquet"};
  const auto sample = read_sample(request);
  EXPECT_EQ(sample.columns.size(), 8u);
  EXPECT_EQ(read_columns(request), sample.columns);
  ASSERT_EQ(sample.rows.size(), 3u);
  EXPECT_EQ(sample.rows[0].at("d").as_string(), "2026-01-02");
  EXPECT_EQ(sample.rows[0].at("s").at("x").as_string(), "é");
  EXPECT_EQ(sample.rows[0].at("l").as_array().size(), 2u);
  request.distinct = true;
  EXPECT_EQ(read_sample(request).rows.size(), 1u);
  request.rows = 2;
  request.distinct = false;
  EXPECT_EQ(read_sample(request).rows.size(), 2u);
}

TEST_F(ExtractWriterTest, WhatParquetWouldChangeIsCastOrRefused) {
  auto engine = open_engine({folder_spill(), 0, 1});
  auto connection = engine.connect();
  ExtractWriter writer(folder());
  writer.write(
      connection, "held",
      "SELECT 12345678901234567890123456789012345678::HUGEINT AS h, 5::UHUGEINT AS u, "
      "{'a HUGEINT': [7::HUGEINT]} AS s, TIMETZ '12:00:00+02' AS t, [TIMETZ '12:00:00+02'] AS l, "
      "'HUGEINT'::ENUM('HUGEINT', 'b') AS e, [INTERVAL '1.000001 seconds'] AS i, INTERVAL 3 DAYS AS d");
  writer.commit();
  const auto file = duck::quote_literal((folder() / "data" / "held.parquet").string());
  EXPECT_EQ(
      duck::scalar<std::string>(connection,
                                "SELECT CAST(held AS VARCHAR) FROM read_parquet(" + file + ") held"),
      "{'h': 12345678901234567890123456789012345678, 'u': 5, 's': {'a HUGEINT': [7]}, 't': '12:00:00+02', "
      "'l': ['12:00:00+02'], 'e': HUGEINT, 'i': ['00:00:01.000001'], 'd': 3 days}");
  for (const char* value : {"(-170141183460469231731687303715884105728)::HUGEINT",
                            "[340282366920938463463374607431768211455::UHUGEINT]",
                            "INTERVAL '1.000001 seconds'", "TIME '24:00:00'"})
    EXPECT_THROW(writer.write(connection, "refused", std::string("SELECT ") + value + " AS v"),
                 duck::QueryError)
        << value;
}

TEST_F(ExtractWriterTest, ManyColumnsHaveSmallGroupsOfRowsAndFitIntoMemory) {
  auto engine = open_engine({folder_spill(), 256 << 20, 2});
  auto connection = engine.connect();
  ExtractWriter writer(folder());
  std::string list;
  for (int i = 0; i < 1'100; ++i) list += fmt::format("{}'x' || i AS c{}", i > 0 ? ", " : "", i);
  writer.write(connection, "wide", "SELECT " + list + " FROM range(8000) t(i)");
  writer.commit();
  EXPECT_EQ(duck::scalar<std::string>(connection, "SELECT current_setting('memory_limit')"), "256.0 MiB");
  EXPECT_EQ(duck::scalar<std::int64_t>(connection, "SELECT current_setting('threads')"), 2);
  EXPECT_EQ(duck::scalar<std::int64_t>(
                connection, fmt::format("SELECT max(row_group_num_rows) FROM parquet_metadata({})",
                                        duck::quote_literal((folder() / "data" / "wide.parquet").string()))),
            6'144);
}

}  // namespace
}  // namespace agnes::extracts
