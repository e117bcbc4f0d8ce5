#include "core/query/sandbox.h"

#include <fstream>

#include "fixture.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::query {
namespace {

// The engine as it stands when the first check has let a statement through that it should have refused.
class SecondLine : public testing::Test {
 protected:
  SecondLine() : sandbox_(data().setup), connection_(sandbox_.connect()) {
    for (const auto* name : {"orders", "customers", "stock"}) sandbox_.make_visible(name, connection_);
  }
  // DuckDB's error, or "ran".
  std::string run(const std::string& sql) {
    try {
      auto connection = sandbox_.connect();
      connection.execute(sql);
      return "ran";
    } catch (const duck::QueryError& error) {
      return error.what();
    }
  }

  Sandbox sandbox_;
  duck::Connection connection_;
};

TEST_F(SecondLine, ReadsItsOwnFilesOnly) {
  EXPECT_EQ(run("SELECT count(*) FROM orders JOIN customers USING (customer_id), stock"), "ran");
  const auto secret = duck::quote_literal(data().path("salaries.parquet"));
  const auto folder = data().home.path().string();
  for (const auto& sql : std::vector<std::string>{
           "SELECT * FROM read_parquet(" + secret + ")",
           "SELECT * FROM " + secret,
           "SELECT * FROM read_blob(" + secret + ")",
           "SELECT * FROM parquet_metadata(" + secret + ")",
           "SELECT * FROM query('FROM read_parquet(''" + data().path("salaries.parquet") + "'')')",
           "SELECT * FROM read_parquet('" + folder + "/*.parquet')",
           "SELECT * FROM read_parquet('" + folder + "/spill/../salaries.parquet')",
           "SELECT * FROM read_parquet('" + folder + "/./salaries.parquet')",
           "SELECT * FROM read_parquet('" + folder + "/orders-0.parquet/../salaries.parquet')",
           "SELECT * FROM glob('" + folder + "/*')",
           std::string("SELECT * FROM read_text('/etc/passwd')"),
           std::string("SELECT * FROM read_csv('/proc/self/environ')"),
           std::string("SELECT * FROM read_json('https://example.com/x.json')"),
           std::string("SELECT * FROM read_parquet('s3://bucket/x.parquet')"),
           std::string("SELECT * FROM salaries"),
           std::string("SELECT * FROM query_table('salaries')"),
       }) {
    const auto said = run(sql);
    EXPECT_NE(said, "ran") << sql;
  }
}

TEST_F(SecondLine, WritesNoFile) {
  const auto folder = data().home.path().string();
  for (const auto& sql : std::vector<std::string>{
           "COPY orders TO '" + folder + "/out.csv'",
           "COPY orders TO '" + folder + "/out.parquet' (FORMAT parquet)",
           "COPY orders TO '" + folder + "/out' (FORMAT parquet, PARTITION_BY (currency))",
           "EXPORT DATABASE '" + folder + "/out'",
           "ATTACH '" + folder + "/new.duckdb'",
           "ATTACH '" + folder + "/salaries.parquet' AS x",
           "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
           "SET profiling_output = '" + folder + "/profile.json'",
           "SET log_query_path = '" + folder + "/log'",
           "UPDATE orders SET total = 0",
           "INSERT INTO stock VALUES ('x', 1)",
       })
    EXPECT_NE(run(sql), "ran") << sql;
  for (const auto* name : {"out.csv", "out.parquet", "out", "new.duckdb", "profile.json", "log"})
    EXPECT_FALSE(fs::exists(data().home.path() / name)) << name;
  EXPECT_EQ(duck::scalar<std::int64_t>(connection_, "SELECT count(*) FROM stock"), 5);
}

TEST_F(SecondLine, LoadsNothing) {
  for (const auto* sql :
       {"LOAD httpfs", "INSTALL httpfs", "INSTALL spatial FROM community", "LOAD '/tmp/x.duckdb_extension'",
        "SELECT * FROM read_xlsx('x.xlsx')", "ATTACH 'postgres:dbname=x' AS p (TYPE postgres)"})
    EXPECT_NE(run(sql), "ran") << sql;
}

TEST_F(SecondLine, ChangesNoGlobalSetting) {
  std::size_t seen = 0;
  auto connection = sandbox_.connect();
  for (const auto& row :
       connection
           .execute("SELECT name, scope, coalesce(value, '') FROM duckdb_settings() WHERE scope = 'GLOBAL'")
           .rows()) {
    const auto name = std::get<std::string>(row[0]);
    for (const auto& sql : {fmt::format("SET GLOBAL {} = '1'", name), fmt::format("SET {} = 'x'", name),
                            fmt::format("RESET GLOBAL {}", name), fmt::format("RESET {}", name)}) {
      EXPECT_NE(run(sql), "ran") << sql;
      ++seen;
    }
    const auto after = duck::scalar<std::string>(
        connection, "SELECT coalesce(value, '') FROM duckdb_settings() WHERE name = ?", name);
    EXPECT_EQ(after, std::get<std::string>(row[2])) << name;
  }
  EXPECT_GT(seen, 300u);
  EXPECT_EQ(duck::scalar<std::string>(
                connection, "SELECT value FROM duckdb_settings() WHERE name = 'enable_external_access'"),
            "false");
}

// The attached file's other tables are behind a name that is drawn anew each time.
TEST_F(SecondLine, AttachedFilesHaveNoNameToGuess) {
  for (const auto* sql :
       {"SELECT * FROM extract.main.margins", "SELECT * FROM extract.margins", "SELECT * FROM margins"})
    EXPECT_NE(run(sql), "ran") << sql;
  Sandbox other(data().setup);
  auto connection = other.connect();
  other.make_visible("stock", connection);
  const auto names = [](duck::Connection& c) {
    return duck::scalar<std::string>(
        c, "SELECT string_agg(database_name) FROM duckdb_databases() WHERE database_name LIKE 'extract%'");
  };
  EXPECT_NE(names(connection), names(connection_));
}

TEST_F(SecondLine, SpillsIntoItsFolderAndNoFurther) {
  EngineSetup small = data().setup;
  small.memory_limit_bytes = 48u << 20;
  small.max_spill_bytes = 512u << 20;
  small.threads = 1;
  Sandbox sandbox(small);
  auto connection = sandbox.connect();
  const std::string sort =
      "SELECT max(x) FROM (SELECT hash(i)::VARCHAR || repeat('x', 40) AS x FROM range({}) r(i) ORDER BY x "
      "LIMIT {})";
  EXPECT_NO_THROW(connection.execute(fmt::format(fmt::runtime(sort), 1'500'000, 1'400'000)));
  small.max_spill_bytes = 1u << 20;
  Sandbox tight(small);
  auto other = tight.connect();
  try {
    other.execute(fmt::format(fmt::runtime(sort), 1'500'000, 1'400'000));
    FAIL() << "memory and spill folder were not bounded";
  } catch (const duck::QueryError& error) {
    EXPECT_EQ(error.type(), DUCKDB_ERROR_OUT_OF_MEMORY) << error.what();
  }
}

TEST(Sandbox, AThousandTablesAreNoWork) {
  EngineSetup setup = data().setup;
  for (int i = 0; i < 1000; ++i)
    setup.tables.push_back({fmt::format("t{}", i), {data().path(fmt::format("none-{}.parquet", i))}, {}, {}});
  Sandbox sandbox(setup);
  EXPECT_EQ(sandbox.table_names().size(), data().setup.tables.size() + 1000);
  auto connection = sandbox.connect();
  try {
    sandbox.make_visible("t7", connection);
    FAIL() << "a file that is not there was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_EQ(std::string(error.what()).find("none-7"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("\"t7\""), std::string::npos) << error.what();
  }
}

TEST(Sandbox, NamesAreQuoted) {
  EngineSetup setup = data().setup;
  setup.tables = {{"a\"b; DROP VIEW x", {data().path("customers.parquet")}, {}, {}},
                  {"range", {data().path("customers.parquet")}, {}, {}}};
  Engine engine(setup);
  std::string out;
  engine.run({"SELECT count(*) FROM \"a\"\"b; DROP VIEW x\", range"},
             [&](std::string_view part) { out += part; });
  EXPECT_NE(out.find("[[10000]]"), std::string::npos) << out;
}

TEST(Sandbox, HidesPaths) {
  Sandbox sandbox(data().setup);
  const auto text = sandbox.hide("cannot open \"" + data().path("orders-0.parquet") + "\" or " +
                                 data().path("spill/x.tmp") + ".");
  EXPECT_EQ(text.find(data().home.path().string()), std::string::npos) << text;
  EXPECT_EQ(text.find("orders-0"), std::string::npos) << text;
}

}  // namespace
}  // namespace agnes::query
