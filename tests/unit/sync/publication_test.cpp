#include "core/sync/publication.h"

#include <gtest/gtest.h>

namespace agnes::sync {
namespace {

extracts::CatalogueTable found(std::string name, std::string hash) {
  extracts::CatalogueTable table;
  table.source = "files";
  table.name = std::move(name);
  table.kind = "parquet";
  table.hash = std::move(hash);
  table.rows = 3;
  return table;
}

catalog::Registration registered(std::string id, std::string name) {
  catalog::Registration row;
  row.id = std::move(id);
  row.name = std::move(name);
  row.source_type = "local";
  row.query_mode = "local";
  return row;
}

const catalog::Table* named(const std::vector<catalog::Table>& tables, std::string_view name) {
  for (const auto& table : tables)
    if (table.name == name) return &table;
  return nullptr;
}

TEST(Publication, JoinsExtractsAndRegistryByNameInAnyCase) {
  extracts::Catalogue catalogue;
  catalogue.tables = {found("orders", "aa"), found("stray", "bb")};
  SyncState state;
  state.table_id = "ORDERS";
  state.last_sync = Timestamp{1'767'323'045'000'000};
  const auto tables = next_tables(
      catalogue, RegistrySnapshot({registered("o1", "Orders"), registered("p1", "planned")}, {state}));
  ASSERT_EQ(tables.size(), 3u);

  const auto* orders = named(tables, "Orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_TRUE(orders->registered);
  EXPECT_EQ(orders->id, "o1");
  EXPECT_EQ(orders->hash, "aa");
  EXPECT_EQ(orders->updated, state.last_sync);

  const auto* stray = named(tables, "stray");
  ASSERT_NE(stray, nullptr);
  EXPECT_FALSE(stray->registered);

  const auto* planned = named(tables, "planned");
  ASSERT_NE(planned, nullptr);
  EXPECT_TRUE(planned->registered);
  EXPECT_FALSE(planned->has_data());
}

TEST(Publication, ARegisteredTableIsNoOtherSources) {
  extracts::Catalogue catalogue;
  catalogue.tables = {found("payroll", "aa")};
  auto row = registered("payroll", "payroll");
  row.source_type = "keboola";
  const auto tables = next_tables(catalogue, RegistrySnapshot({row}, {}));
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_TRUE(tables[0].registered);
  EXPECT_EQ(tables[0].source, "");
  EXPECT_EQ(tables[0].hash, "") << "its own source has brought nothing";

  row.source_type = "local";
  catalogue.tables[0].source = "hr";
  EXPECT_EQ(next_tables(catalogue, RegistrySnapshot({row}, {}))[0].source, "hr") << "a custom extract";
}

TEST(Publication, ATableThatStaysElsewhereHasItsEngine) {
  extracts::Catalogue catalogue;
  auto table = found("events", "");
  table.kind = "remote";
  table.source = "crm";
  table.alias = "bq";
  table.view_sql = "SELECT 1";
  catalogue.tables = {table};
  catalogue.remote_attaches = {
      {.source = "crm", .alias = "bq", .extension = "bigquery", .url = "u", .token_env = ""}};
  const auto tables = next_tables(catalogue, RegistrySnapshot({}, {}));
  ASSERT_EQ(tables.size(), 1u);
  ASSERT_NE(tables[0].remote, nullptr);
  EXPECT_EQ(tables[0].remote->extension, "bigquery");
  EXPECT_EQ(tables[0].remote_view, "SELECT 1");
}

}  // namespace
}  // namespace agnes::sync
