#include "core/extracts/extract_reader.h"

#include "core/extracts/pins.h"
#include "extract_fixture.h"
#include "lib/base/hash.h"

namespace agnes::extracts {
namespace {

using ExtractReader = ExtractTest;

TEST_F(ExtractReader, AnEmptyOrMissingFolderHasNoTables) {
  EXPECT_TRUE(read().tables.empty());
  fs::create_directories(extracts() / "started" / "data");
  const auto catalogue = read();
  EXPECT_TRUE(catalogue.tables.empty());
  EXPECT_TRUE(catalogue.problems.empty());
}

TEST_F(ExtractReader, TellsAllOfATable) {
  make_extract("demo", "orders", 30);
  const auto catalogue = read();
  ASSERT_EQ(problems(catalogue), "");
  const auto* table = find(catalogue, "orders");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->source, "demo");
  EXPECT_EQ(table->kind, "parquet");
  EXPECT_EQ(table->description, "about orders");
  EXPECT_EQ(table->query_mode, "local");
  EXPECT_EQ(table->rows, 30);
  EXPECT_EQ(format_iso(*table->extracted_at), "2026-01-02T03:04:05");
  ASSERT_EQ(table->files.size(), 1u);
  EXPECT_EQ(table->hash, md5_file(table->files[0].path));
  EXPECT_EQ(table->size_bytes, fs::file_size(table->files[0].path))
      << "the file's own size, not what _meta says";
  EXPECT_EQ(table->columns, (std::vector<Column>{{"id", "BIGINT"}, {"name", "VARCHAR"}}));
  EXPECT_EQ(catalogue.owners, (std::map<std::string, std::string>{{"orders", "demo"}}));
  EXPECT_TRUE(catalogue.complete);
}

TEST_F(ExtractReader, ServesAMovedDataDirectory) {
  make_extract("demo", "orders", 30);
  const fs::path moved = root() / "elsewhere [1]" / "extracts";
  fs::create_directories(moved.parent_path());
  fs::rename(extracts(), moved);
  const auto catalogue = read([&](ReadOptions& options) { options.extracts_dir = moved; });
  ASSERT_EQ(problems(catalogue), "");
  ASSERT_NE(find(catalogue, "orders"), nullptr);
  EXPECT_EQ(find(catalogue, "orders")->rows, 30);
  EXPECT_EQ(count_rows(*find(catalogue, "orders")), 30);
}

TEST_F(ExtractReader, FindsPartitionedAndRenamedFiles) {
  const fs::path data = extracts() / "jira" / "data";
  make_parquet(data / "issues" / "2026-01.parquet", "SELECT 1 AS a, 'x' AS b");
  make_parquet(data / "issues" / "2026-02.parquet", "SELECT 2 AS a, 'y' AS b, 3 AS c");
  make_parquet(data / "v2" / "odd.parquet", "SELECT 5 AS a");
  run_sql(
      extracts() / "jira" / "extract.duckdb",
      meta_sql() +
          "INSERT INTO _meta VALUES ('issues', '', 0, 0, now()::TIMESTAMP, 'local'), ('odd', '', 0, 0, NULL, "
          "'local'), "
          "('empty', '', 0, 0, NULL, 'local');" +
          fmt::format(
              "CREATE VIEW issues AS SELECT * FROM read_parquet('{}/issues/*.parquet', union_by_name=true, "
              "hive_partitioning=false); CREATE VIEW odd AS SELECT * FROM read_parquet('{}/v2/odd.parquet')",
              data.string(), data.string()));
  const auto catalogue = read();
  ASSERT_EQ(problems(catalogue), "");
  const auto* issues = find(catalogue, "issues");
  ASSERT_NE(issues, nullptr);
  EXPECT_EQ(issues->files.size(), 2u);
  EXPECT_TRUE(issues->union_by_name);
  EXPECT_EQ(issues->rows, 2);
  EXPECT_EQ(issues->columns.size(), 3u);
  EXPECT_EQ(issues->hash.size(), 32u);
  EXPECT_EQ(count_rows(*issues), 2);
  ASSERT_NE(find(catalogue, "odd"), nullptr);
  EXPECT_EQ(find(catalogue, "empty"), nullptr) << "a row without a view and without files";
}

// A view with logic is a program of whoever wrote it, and its file is more than it shows.
TEST_F(ExtractReader, TakesTablesInTheDatabaseFileAndNoViewsWithLogic) {
  const fs::path database = extracts() / "own" / "extract.duckdb";
  const fs::path file = extracts() / "own" / "data" / "raw.parquet";
  make_parquet(file, "SELECT i AS id FROM range(10) t(i)");
  run_sql(database,
          meta_sql() +
              "CREATE TABLE held AS SELECT 1 AS a, 'b' AS b;"
              "INSERT INTO _meta VALUES ('held', '', 1, 0, NULL, 'local'), ('few', '', 3, 0, NULL, 'local');"
              "CREATE VIEW few AS SELECT id FROM read_parquet('" +
              file.string() + "') WHERE id < 3;" +
              "CREATE TABLE made (a INTEGER, b INTEGER GENERATED ALWAYS AS (a + 1));"
              "INSERT INTO _meta VALUES ('made', '', 0, 0, NULL, 'local')");
  const auto catalogue = read();
  const auto* held = find(catalogue, "held");
  ASSERT_NE(held, nullptr) << problems(catalogue);
  EXPECT_EQ(held->kind, "database");
  EXPECT_EQ(held->attach_file, database.string());
  EXPECT_EQ(held->rows, 1);
  EXPECT_EQ(held->columns.size(), 2u);
  EXPECT_EQ(catalogue.tables.size(), 1u);
  EXPECT_NE(problems(catalogue).find("'made' of 'own' is not served: it has a generated column"),
            std::string::npos);
  EXPECT_NE(problems(catalogue).find("'few' of 'own' is not served: its view does more than to read"),
            std::string::npos);
}

TEST_F(ExtractReader, GivesARegisteredNameToItsSourceAndToNoOther) {
  make_extract("aaa", "orders", 2);
  std::string source;
  const auto as_registered = [&](ReadOptions& options) {
    options.registered = {{"orders", source}};
    options.owners = {{"orders", "aaa"}};
  };
  EXPECT_EQ(find(read(as_registered), "orders")->source, "aaa");
  source = "keboola";
  const auto catalogue = read(as_registered);
  EXPECT_EQ(find(catalogue, "orders"), nullptr) << "its source has brought nothing yet";
  EXPECT_NE(problems(catalogue).find("'keboola' has that name already"), std::string::npos);
  make_extract("keboola", "other", 1);
  EXPECT_EQ(find(read(as_registered), "orders"), nullptr) << "its source is there, and has none";
  make_extract("keboola", "orders", 3);
  EXPECT_EQ(find(read(as_registered), "orders")->source, "keboola");
}

TEST_F(ExtractReader, GivesALocalNameToTheServersOwnFilesOnceTheyHaveIt) {
  make_extract("aaa", "orders", 2);
  make_extract("files", "other", 1);
  const auto local = [](ReadOptions& options) {
    options.registered = {{"orders", ""}};
    options.files = "files";
    options.owners = {{"orders", "aaa"}};
  };
  EXPECT_EQ(find(read(local), "orders")->source, "aaa") << "a custom extract";
  make_extract("files", "orders", 3);
  EXPECT_EQ(find(read(local), "orders")->source, "files");
}

// Whoever writes an extract may change its names at any time: what is served was opened in its folder.
TEST_F(ExtractReader, ServesOnlyWhatLiesInTheFolderWhateverStandsThereLater) {
  make_extract("hr", "salaries", 3);
  make_extract("mine", "orders", 2);
  const fs::path file = extracts() / "mine" / "data" / "orders.parquet";
  const fs::path theirs = extracts() / "hr" / "data" / "salaries.parquet";
  const auto pinned = [&](ReadOptions& options) { options.pin_folder = extracts() / ".pins"; };
  const auto before = read(pinned);
  fs::remove(file);
  fs::create_symlink(theirs, file);
  EXPECT_EQ(count_rows(*find(before, "orders")), 2) << "by its pin";
  EXPECT_EQ(find(read(pinned), "orders"), nullptr);
  // A folder on the way that leads elsewhere.
  fs::remove_all(extracts() / "mine" / "data");
  fs::create_symlink(extracts() / "hr" / "data", extracts() / "mine" / "data");
  fs::create_hard_link(theirs, extracts() / "hr" / "data" / "orders.parquet");
  EXPECT_EQ(find(read(pinned), "orders"), nullptr);
}

TEST_F(ExtractReader, CopiesWhatItCannotLink) {
  make_extract("mine", "orders", 2);
  run_sql(
      extracts() / "own" / "extract.duckdb",
      meta_sql() +
          "CREATE TABLE held AS SELECT 1 AS a; INSERT INTO _meta VALUES ('held', '', 1, 0, NULL, 'local')");
  // No link leads from one file system to another.
  const fs::path pins = temporary_name("/dev/shm/pins");
  const auto elsewhere = [&](ReadOptions& options) { options.pin_folder = pins; };
  const auto catalogue = read(elsewhere);
  const auto* orders = find(catalogue, "orders");
  ASSERT_NE(orders, nullptr) << problems(catalogue);
  EXPECT_EQ(fs::path(orders->files[0].path).parent_path(), pins);
  EXPECT_EQ(count_rows(*orders), 2);
  EXPECT_TRUE(is_intact_pin(orders->files[0].path, *stamp_of(fs::path(orders->files[0].path))));
  const auto first = *stamp_of(fs::path(orders->files[0].path));
  const auto again = read(elsewhere);
  EXPECT_EQ(*stamp_of(fs::path(find(again, "orders")->files[0].path)), first) << "it is copied once";
  ASSERT_NE(find(again, "held"), nullptr);
  EXPECT_EQ(fs::path(find(again, "held")->attach_file).parent_path(), pins);
  fs::remove_all(pins);
}

TEST_F(ExtractReader, ReportsRemoteTablesAndAttachmentsAsData) {
  run_sql(
      extracts() / "kbc" / "extract.duckdb",
      meta_sql() +
          "ATTACH ':memory:' AS far; CREATE TABLE far.orders (a INTEGER);"
          "CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, token_env VARCHAR);"
          "INSERT INTO _remote_attach VALUES ('far', 'keboola', 'https://example.com', 'KBC_TOKEN');"
          "INSERT INTO _meta VALUES ('orders', '', 0, 0, NULL, 'remote');"
          "CREATE VIEW orders AS SELECT * FROM far.main.orders");
  const auto catalogue = read();
  ASSERT_EQ(problems(catalogue), "");
  const auto* orders = find(catalogue, "orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_EQ(orders->kind, "remote");
  EXPECT_EQ(orders->query_mode, "remote");
  EXPECT_NE(orders->view_sql.find("far"), std::string::npos);
  ASSERT_EQ(catalogue.remote_attaches.size(), 1u);
  EXPECT_EQ(catalogue.remote_attaches[0].token_env, "KBC_TOKEN");
}

TEST_F(ExtractReader, RefusesWhatLeadsOutOfTheFolder) {
  make_parquet(root() / "secret.parquet", "SELECT 'secret' AS s");
  const fs::path folder = extracts() / "sly";
  fs::create_directories(folder / "data");
  fs::create_symlink(root() / "secret.parquet", folder / "data" / "linked.parquet");
  run_sql(folder / "extract.duckdb",
          meta_sql() +
              "INSERT INTO _meta VALUES ('outside', '', 0, 0, NULL, 'local'), ('climbs', '', 0, 0, NULL, "
              "'local'), "
              "('linked', '', 0, 0, NULL, 'local');" +
              fmt::format("CREATE VIEW outside AS SELECT * FROM read_parquet('{0}/secret.parquet');"
                          "CREATE VIEW climbs AS SELECT * FROM read_parquet('{1}/../../secret.parquet');"
                          "CREATE VIEW linked AS SELECT * FROM read_parquet('{1}/data/linked.parquet')",
                          root().string(), folder.string()));
  const auto catalogue = read();
  EXPECT_TRUE(catalogue.tables.empty());
  EXPECT_EQ(catalogue.problems.size(), 3u);
  for (const char* name : {"outside", "climbs", "linked"})
    EXPECT_NE(problems(catalogue).find(fmt::format("table '{}' of 'sly' is refused", name)),
              std::string::npos);
}

TEST_F(ExtractReader, RefusesNamesThatAreNoIdentifiers) {
  make_extract("demo", "orders", 1);
  run_sql(
      extracts() / "demo" / "extract.duckdb",
      "INSERT INTO _meta VALUES ('or;ders', '', 0, 0, NULL, 'local'), ('ORDERS', '', 0, 0, NULL, 'local'), "
      "('../x', '', 0, 0, NULL, 'local'), (NULL, '', 0, 0, NULL, 'local')");
  make_extract("bad-name", "x", 1);
  const auto catalogue = read();
  EXPECT_EQ(catalogue.tables.size(), 1u);
  EXPECT_EQ(catalogue.problems.size(), 5u) << problems(catalogue);
  EXPECT_NE(problems(catalogue).find("'bad-name'"), std::string::npos);
}

// As a later DuckDB would have written it. The header: a checksum over the words of the rest of its 4,096
// bytes, "DUCK", the version of the storage.
void make_newer(const fs::path& database) {
  std::fstream file(database, std::ios::in | std::ios::out | std::ios::binary);
  std::array<std::uint64_t, 512> words{};
  file.read(reinterpret_cast<char*>(words.data()), sizeof words);
  reinterpret_cast<char*>(words.data())[12] = 0x7f;
  words[0] = 5381;
  for (std::size_t i = 1; i < words.size(); ++i) words[0] ^= words[i] * 0xbf58476d1ce4e5b9;
  file.seekp(0);
  file.write(reinterpret_cast<const char*>(words.data()), sizeof words);
}

TEST_F(ExtractReader, TablesOfAnExtractOfALaterDuckDBComeFromItsFiles) {
  make_extract("later", "orders", 3);
  for (const char* part : {"2026-01", "2026-02"})
    make_parquet(extracts() / "later" / "data" / "visits" / (std::string(part) + ".parquet"),
                 "SELECT i AS id FROM range(2) t(i)");
  make_parquet(extracts() / "later" / "data" / "not-a-name.parquet", "SELECT 1 AS a");
  make_newer(extracts() / "later" / "extract.duckdb");

  const auto catalogue = read();
  ASSERT_EQ(catalogue.tables.size(), 2u) << problems(catalogue);
  EXPECT_TRUE(catalogue.complete);
  EXPECT_EQ(catalogue.tables[0].name, "orders");
  EXPECT_EQ(catalogue.tables[0].rows, 3);
  EXPECT_EQ(catalogue.tables[1].name, "visits");
  EXPECT_EQ(catalogue.tables[1].rows, 4);
  EXPECT_NE(problems(catalogue).find("written by DuckDB v1.5.6, which is later"), std::string::npos)
      << problems(catalogue);
}

TEST_F(ExtractReader, ADamagedExtractDoesNotStopTheOthers) {
  make_extract("good", "fine", 3);
  put(extracts() / "text" / "extract.duckdb", "this is not a database");
  put(extracts() / "nothing" / "extract.duckdb", "");
  make_extract("cut", "half", 3);
  fs::resize_file(extracts() / "cut" / "extract.duckdb",
                  fs::file_size(extracts() / "cut" / "extract.duckdb") / 2);
  make_extract("newer", "future", 3);
  make_newer(extracts() / "newer" / "extract.duckdb");
  fs::remove_all(extracts() / "newer" / "data");
  run_sql(extracts() / "bare" / "extract.duckdb", "CREATE TABLE orders (a INTEGER)");
  make_extract("broken", "rows", 3);
  put(extracts() / "broken" / "data" / "rows.parquet", "PAR1 not really PAR1");
  make_extract("lost", "gone", 3);
  fs::remove(extracts() / "lost" / "data" / "gone.parquet");

  const auto catalogue = read();
  ASSERT_EQ(catalogue.tables.size(), 1u) << problems(catalogue);
  EXPECT_EQ(catalogue.tables[0].name, "fine");
  EXPECT_FALSE(catalogue.complete);
  for (const char* name : {"text", "nothing", "cut", "newer", "bare", "broken", "lost"})
    EXPECT_NE(problems(catalogue).find(fmt::format("'{}'", name)), std::string::npos) << name;
  EXPECT_EQ(problems(catalogue).find(root().string()), std::string::npos) << "paths are nobody's business";
}

TEST_F(ExtractReader, AWriterAtWorkIsAProblemUntilItIsDone) {
  make_extract("busy", "orders", 3);
  int to_child[2], to_parent[2];
  ASSERT_EQ(::pipe(to_child), 0);
  ASSERT_EQ(::pipe(to_parent), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    duck::Database held({extracts() / "busy" / "extract.duckdb", {{"threads", "1"}}});
    auto connection = held.connect();
    connection.execute("INSERT INTO _meta VALUES ('more', '', 0, 0, NULL, 'local')");
    char byte = 0;
    if (::write(to_parent[1], "x", 1) != 1 || ::read(to_child[0], &byte, 1) != 1) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  char byte = 0;
  ASSERT_EQ(::read(to_parent[0], &byte, 1), 1);
  const auto during = read();
  EXPECT_TRUE(during.tables.empty());
  EXPECT_FALSE(during.complete);
  ASSERT_EQ(::write(to_child[1], "x", 1), 1);
  ::waitpid(child, nullptr, 0);
  // Killed, it left its log beside the database.
  const auto after = read();
  EXPECT_EQ(after.tables.size(), 1u) << problems(after);
  for (const int fd : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) ::close(fd);
}

TEST_F(ExtractReader, ANameHasOneOwner) {
  make_extract("alpha", "orders", 1);
  make_extract("beta", "Orders", 2);
  const auto first = read();
  ASSERT_EQ(first.tables.size(), 1u);
  EXPECT_EQ(first.tables[0].source, "alpha");
  EXPECT_NE(problems(first).find("'Orders' of 'beta' is not served: 'alpha' has that name"),
            std::string::npos);

  const auto owned = read([](ReadOptions& options) { options.owners = {{"orders", "beta"}}; });
  ASSERT_EQ(owned.tables.size(), 1u);
  EXPECT_EQ(owned.tables[0].source, "beta");

  const auto released = read([](ReadOptions& options) { options.owners = {{"orders", "gone"}}; });
  EXPECT_EQ(released.tables.at(0).source, "alpha") << "whose source is gone is free";

  put(extracts() / "beta" / "extract.duckdb", "damaged");
  const auto kept = read([](ReadOptions& options) { options.owners = {{"orders", "beta"}}; });
  EXPECT_TRUE(kept.tables.empty()) << "the owner keeps its name while it cannot be read";
  EXPECT_EQ(kept.owners, (std::map<std::string, std::string>{{"orders", "beta"}}));
  EXPECT_FALSE(kept.complete);
}

TEST_F(ExtractReader, ServesMaterialisedFilesThatMetaDoesNotKnow) {
  make_extract("bigquery", "listed", 1);
  make_parquet(extracts() / "bigquery" / "data" / "daily.parquet", "SELECT 1 AS a");
  make_parquet(extracts() / "bigquery" / "data" / "orphan.parquet", "SELECT 1 AS a");
  const auto catalogue = read([](ReadOptions& options) {
    options.materialized = {"bigquery/daily", "other/orphan"};
  });
  EXPECT_EQ(catalogue.tables.size(), 2u);
  ASSERT_NE(find(catalogue, "daily"), nullptr);
  EXPECT_EQ(find(catalogue, "daily")->query_mode, "materialized");
}

TEST_F(ExtractReader, APinKeepsTheVersionThatItWasMadeOf) {
  make_extract("demo", "orders", 5);
  const auto pinned = [&](ReadOptions& options) {
    options.pin_folder = extracts() / ".pins";
    options.cache_file = root() / "cache.json";
  };
  const auto before = read(pinned);
  const auto old_path = before.tables.at(0).files.at(0).path;
  make_parquet(root() / "next.parquet", "SELECT i AS id, 'y' AS name FROM range(8) t(i)");
  fs::rename(root() / "next.parquet", extracts() / "demo" / "data" / "orders.parquet");
  EXPECT_EQ(count_rows(before.tables[0]), 5) << "a reader of the old generation still reads the old rows";
  EXPECT_EQ(md5_file(old_path), before.tables[0].hash);

  const auto after = read([&](ReadOptions& options) {
    pinned(options);
    options.keep_pins = {fs::path(old_path).filename()};
  });
  EXPECT_EQ(after.tables.at(0).rows, 8);
  EXPECT_EQ(count_rows(after.tables[0]), 8);
  EXPECT_NE(after.tables[0].hash, before.tables[0].hash);
  EXPECT_TRUE(fs::exists(old_path));
  read(pinned);
  EXPECT_FALSE(fs::exists(old_path)) << "nobody uses it any more";
  EXPECT_TRUE(fs::exists(after.tables[0].files[0].path));
}

TEST_F(ExtractReader, RemembersOnlyWhatStillHolds) {
  make_extract("demo", "orders", 5);
  const auto cached = [&](ReadOptions& options) { options.cache_file = root() / "cache.json"; };
  const auto first = json::to_text(read(cached));
  EXPECT_EQ(json::to_text(read(cached)), first);
  const auto remembered = read_file(root() / "cache.json").value();
  EXPECT_EQ(json::to_text(read()), first);
  for (const std::string_view damaged : {"", "{", "[]", "{\"version\": 99}"}) {
    put(root() / "cache.json", damaged);
    EXPECT_EQ(json::to_text(read(cached)), first) << damaged;
  }
  EXPECT_EQ(read_file(root() / "cache.json").value(), remembered);
  make_extract("demo", "more", 2);
  EXPECT_EQ(read(cached).tables.size(), 2u);
}

TEST_F(ExtractReader, TheAnalyticsDatabaseWorksByItself) {
  make_extract("demo", "orders", 5);
  run_sql(
      extracts() / "own" / "extract.duckdb",
      meta_sql() +
          "CREATE TABLE held AS SELECT 1 AS a; INSERT INTO _meta VALUES ('held', '', 1, 0, NULL, 'local')");
  const fs::path file = root() / "analytics" / "server.duckdb";
  const auto options = [&](ReadOptions& o) {
    o.analytics_file = file;
    o.cache_file = root() / "cache.json";
    o.pin_folder = extracts() / ".pins";
  };
  EXPECT_EQ(problems(read(options)), "");
  {
    duck::Database opened({file, {{"access_mode", "READ_ONLY"}}});
    auto connection = opened.connect();
    EXPECT_EQ(duck::scalar<std::int64_t>(connection, "SELECT count(*) FROM orders"), 5);
    connection.execute("ATTACH " + duck::quote_literal((extracts() / "own" / "extract.duckdb").string()) +
                       " AS own (READ_ONLY)");
    EXPECT_EQ(duck::scalar<std::int64_t>(connection, "SELECT a FROM held"), 1);
  }
  const auto written = stamp_of(file);
  read(options);
  EXPECT_EQ(stamp_of(file), written) << "nothing differs, so nothing is written";
  put(fs::path(file.string() + ".wal"), "left by somebody else");
  make_extract("demo", "orders", 6);
  make_extract("demo", "more", 1);
  read(options);
  EXPECT_NE(stamp_of(file), written);
  EXPECT_FALSE(fs::exists(file.string() + ".wal"));
}

TEST_F(ExtractReader, ReadsMetaOfOtherShapes) {
  const fs::path file = extracts() / "other" / "data" / "t.parquet";
  make_parquet(file, "SELECT 1 AS a");
  run_sql(extracts() / "other" / "extract.duckdb",
          "CREATE TABLE _meta (TABLE_NAME VARCHAR, \"rows\" INTEGER, note JSON);"
          "INSERT INTO _meta VALUES ('t', 7, '{\"x\": 1}'); CREATE VIEW t AS SELECT * FROM '" +
              file.string() + "'");
  const auto catalogue = read();
  ASSERT_EQ(catalogue.tables.size(), 1u) << problems(catalogue);
  EXPECT_EQ(catalogue.tables[0].rows, 1) << "what the file says counts";
  EXPECT_EQ(catalogue.tables[0].query_mode, "local");
  EXPECT_EQ(catalogue.tables[0].extracted_at, std::nullopt);
}

}  // namespace
}  // namespace agnes::extracts
