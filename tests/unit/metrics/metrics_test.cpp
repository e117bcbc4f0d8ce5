#include "features/metrics/metrics.h"

#include <gtest/gtest.h>

#include "core/catalog/column_metadata.h"
#include "core/state/store.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "modules.h"

namespace agnes::metrics {

app::ModuleKind module();

namespace {

// "400 message", or "" when the file is read.
std::string refusal(const std::string& yaml) {
  try {
    read_metric_file(yaml, "m.yml");
  } catch (const Error& error) {
    return fmt::format("{} {}", http_status(error.kind()), error.what());
  }
  return "";
}

TEST(MetricFile, OneMappingOrAListOfThem) {
  const auto one = read_metric_file("name: mrr\ncategory: revenue\n", "m.yml");
  ASSERT_EQ(one.metrics.size(), 1u);
  EXPECT_EQ(one.metrics[0].id, "revenue/mrr");
  EXPECT_EQ(one.metrics[0].display_name, "mrr");
  EXPECT_EQ(one.metrics[0].type, "sum");
  EXPECT_EQ(one.metrics[0].grain, "monthly");
  EXPECT_EQ(one.metrics[0].sql, "");
  EXPECT_EQ(one.metrics[0].source, "yaml_import");
  EXPECT_EQ(read_metric_file("- name: a\n  category: c\n- name: b\n  category: c\n", "m.yml").metrics.size(),
            2u);
}

TEST(MetricFile, KeysOfFilesBecomeColumns) {
  const auto file = read_metric_file(
      "name: mrr\ncategory: revenue\ntable: subscriptions\ntable_name: other\nsql: |\n  SELECT "
      "1\nsql_by_plan: SELECT 2\n"
      "sql_monthly: SELECT 3\nvalidation: {min: 0}\nowner: me\n",
      "m.yml");
  const auto row = file.metrics.at(0).row();
  EXPECT_EQ(row.table_name, "subscriptions");
  EXPECT_EQ(row.sql, "SELECT 1\n");
  EXPECT_EQ(row.sql_variants, R"({"by_plan": "SELECT 2", "monthly": "SELECT 3"})");
  EXPECT_EQ(row.validation, R"({"min": 0})");
  EXPECT_EQ(row.tables, std::nullopt);
  ASSERT_EQ(file.warnings.size(), 1u);
  EXPECT_NE(file.warnings[0].find("owner"), std::string::npos);
}

TEST(MetricFile, WhatIsWrongIsNamed) {
  for (const auto& [yaml, said] : std::vector<std::pair<std::string, std::string>>{
           {"", "holds no metrics"},
           {"text", "holds no metrics"},
           {"[]", "holds no metrics"},
           {"- 1\n", "metric 1 is not a mapping"},
           {"- name: a\n  category: c\n- category: c\n", "metric 2 needs a name"},
           {"name: 2024\ncategory: c\n", "metric 1 needs a name"},
           {"name: a\n", "needs a category"},
           {"name: a\ncategory: ../c\n", "category"},
           {"name: a\ncategory: c\ntables: t\n", "tables"},
           {"name: a\ncategory: c\ntype: bogus\ngrain: never\n", "grain"},
           {"name: a\ncategory: c\nsql: null\n", "sql"},
           {"name: a\ncategory: c\nsql_by_x: 5\n", "by_x"},
           {"- name: a\n  category: c\n- name: a\n  category: c\n", "c/a is there twice"},
           {"name: [1\n", "line"},
           {"name: \xff\n", "UTF-8"},
           {"name: a\ncategory: c\n---\nname: b\n", "documents"}}) {
    const auto got = refusal(yaml);
    EXPECT_TRUE(got.starts_with("400 m.yml")) << yaml << got;
    EXPECT_NE(got.find(said), std::string::npos) << yaml << got;
  }
}

Metric make_metric(const std::string& category, const std::string& name) {
  Metric metric;
  metric.id = category + "/" + name;
  metric.name = metric.display_name = name;
  metric.category = category;
  metric.sql = "SELECT 1";
  return metric;
}

[[maybe_unused]] const auto* const kDeclared =
    declare_for_tests({state::module(), identity::module(), catalog::module(), metrics::module()});

class MetricStore : public ::testing::Test {
 protected:
  TemporaryFolder folder_{fs::temp_directory_path()};
  state::Store store_{folder_.path()};
};

TEST_F(MetricStore, SavingReplacesAllButTheDayOfBirth) {
  Metric metric = make_metric("c", "a");
  metric.tables = std::vector<std::string>{"x", "y, \"z\""};
  metric.notes = std::vector<std::string>{};
  metric.sql_variants = R"({"by_x": "SELECT 1"})";
  store_.write([&](state::Tx& tx) { save_metrics(tx, {metric}); });
  const auto first = store_.read([](state::Tx& tx) { return find_metric(tx, "c/a").value(); });
  EXPECT_EQ(first.tables, metric.tables);
  EXPECT_EQ(first.notes, metric.notes);
  EXPECT_EQ(first.dimensions, std::nullopt);
  EXPECT_EQ(first.sql_variants, metric.sql_variants);
  ASSERT_TRUE(first.created_at.has_value());

  metric.tables.reset();
  metric.sql = "SELECT 2";
  store_.write([&](state::Tx& tx) { save_metrics(tx, {metric}); });
  const auto second = store_.read([](state::Tx& tx) { return find_metric(tx, "c/a").value(); });
  EXPECT_EQ(second.tables, std::nullopt);
  EXPECT_EQ(second.sql, "SELECT 2");
  EXPECT_EQ(second.created_at, first.created_at);
  EXPECT_GE(second.updated_at, first.updated_at);
}

TEST_F(MetricStore, ManyAreSortedByNameAndFoundByCategory) {
  std::vector<Metric> many;
  for (int i = 250; i > 0; --i)
    many.push_back(make_metric(i % 2 == 0 ? "even" : "odd", fmt::format("m{:03}", i)));
  store_.write([&](state::Tx& tx) { save_metrics(tx, many); });
  store_.write([&](state::Tx& tx) { save_metrics(tx, many); });
  store_.read([](state::Tx& tx) {
    const auto all = metrics(tx);
    ASSERT_EQ(all.size(), 250u);
    EXPECT_EQ(all.front().name, "m001");
    EXPECT_EQ(metrics(tx, "even").size(), 125u);
    EXPECT_TRUE(metrics(tx, "e%").empty());
  });
  store_.write([](state::Tx& tx) {
    EXPECT_TRUE(remove_metric(tx, "odd/m001"));
    EXPECT_FALSE(remove_metric(tx, "odd/m001"));
  });
}

TEST_F(MetricStore, AColumnsMetadataIsReplacedWhole) {
  const auto save = [&](std::optional<std::string> type, std::optional<std::string> text) {
    store_.write([&](state::Tx& tx) {
      catalog::save_column_metadata(tx, {{.table_id = "t",
                                          .column_name = "b",
                                          .basetype = {},
                                          .description = {},
                                          .confidence = "manual",
                                          .source = "manual",
                                          .updated_at = {}},
                                         {.table_id = "t",
                                          .column_name = "a",
                                          .basetype = type,
                                          .description = text,
                                          .confidence = "high",
                                          .source = "manual",
                                          .updated_at = {}}});
    });
  };
  save("DATE", "when");
  save(std::nullopt, "day");
  store_.read([](state::Tx& tx) {
    const auto columns = catalog::column_metadata(tx, "t");
    ASSERT_EQ(columns.size(), 2u);
    EXPECT_EQ(columns[0].column_name, "a");
    EXPECT_EQ(columns[0].basetype, std::nullopt);
    EXPECT_EQ(columns[0].description, "day");
    EXPECT_TRUE(columns[0].updated_at.has_value());
    EXPECT_TRUE(catalog::column_metadata(tx, "T").empty());
  });
}

}  // namespace
}  // namespace agnes::metrics
