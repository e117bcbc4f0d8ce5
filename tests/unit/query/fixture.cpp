#include "fixture.h"

namespace agnes::query {

Data::Data() {
  duck::Database database{duck::DatabaseOptions{}};
  auto connection = database.connect();
  const auto copy = [&](const std::string& select, const std::string& file) {
    connection.execute(
        fmt::format("COPY ({}) TO {} (FORMAT parquet)", select, duck::quote_literal(path(file))));
  };
  const std::string orders =
      "SELECT i AS id, DATE '2026-01-01' + (i % 28)::INTEGER AS day, round(i % 1000 * 0.7::DOUBLE, 1) AS "
      "total, "
      "['EUR', 'USD', 'CZK'][i % 3 + 1] AS currency, 'c' || i % 100 AS customer_id FROM range({}, {}) r(i)";
  copy(fmt::format(fmt::runtime(orders), 0, 1000), "orders-0.parquet");
  copy(fmt::format(fmt::runtime(orders), 1000, 2000), "orders-1.parquet");
  copy(
      "SELECT 'c' || i AS customer_id, ['CZ', 'DE', 'US'][i % 3 + 1] AS country, 'Name ' || i AS name FROM "
      "range(100) r(i)",
      "customers.parquet");
  copy("SELECT i AS id, 1000 + i AS amount FROM range(10) r(i)", "salaries.parquet");
  duck::Database extract{duck::DatabaseOptions{.file = path("extract.duckdb"), .settings = {}}};
  auto inside = extract.connect();
  inside.execute("CREATE TABLE stock AS SELECT 'item ' || i AS item, i AS pieces FROM range(5) r(i)");
  inside.execute("CREATE TABLE margins AS SELECT 42 AS margin");
  fs::create_directory(home.path() / "spill");

  setup.tables = {{"orders", {path("orders-0.parquet"), path("orders-1.parquet")}, {}, {}},
                  {"Customers", {path("customers.parquet")}, {}, {}},
                  {"stock", {}, path("extract.duckdb"), "stock"},
                  {"in.c-crm.orders", {path("orders-0.parquet")}, {}, {}},
                  {"empty", {}, {}, {}, false, "the table empty has no data yet"}};
  setup.spill_folder = path("spill");
  setup.memory_limit_bytes = 512u << 20;
  setup.max_spill_bytes = 256u << 20;
}

namespace {

// Let go before main() returns: DuckDB keeps things of the thread that opened it, which are gone when statics
// go.
class Kept : public testing::Environment {
 public:
  void TearDown() override {
    engine.reset();
    data.reset();
  }
  std::unique_ptr<Data> data;
  std::unique_ptr<Engine> engine;
};

Kept& kept() {
  static auto* environment =
      static_cast<Kept*>(testing::AddGlobalTestEnvironment(std::make_unique<Kept>().release()));
  return *environment;
}

}  // namespace

const Data& data() {
  if (!kept().data) kept().data = std::make_unique<Data>();
  return *kept().data;
}

Engine& engine() {
  if (!kept().engine) kept().engine = std::make_unique<Engine>(data().setup);
  return *kept().engine;
}

std::string answer(const std::string& sql, std::int64_t row_limit) {
  std::string out;
  Statement statement;
  statement.sql = sql;
  statement.row_limit = row_limit;
  engine().run(statement, [&](std::string_view part) { out += part; });
  return out;
}

Outcome outcome(const std::string& sql) {
  try {
    return {200, answer(sql)};
  } catch (const Error& error) {
    return {http_status(error.kind()), error.what()};
  }
}

std::string rows(const std::string& sql) {
  const auto got = outcome(sql);
  if (got.status != 200) return fmt::format("{} {}", got.status, got.text);
  const auto from = got.text.find("\"rows\":") + 7;
  return got.text.substr(from, got.text.rfind(",\"row_count\"") - from);
}

}  // namespace agnes::query
