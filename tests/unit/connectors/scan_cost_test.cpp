#include "connectors/bigquery/scan_cost.h"

#include <gtest/gtest.h>

namespace agnes::connectors::bigquery {
namespace {

ViewSources of(const std::string& body, const std::string& url = "project=example-project dataset=x") {
  catalog::Table table;
  table.name = "t";
  table.remote =
      std::make_shared<const catalog::RemoteEngine>(catalog::RemoteEngine{"bigquery", "bq", url, ""});
  table.remote_view = "CREATE VIEW t AS " + body + ";";
  return view_sources(table);
}
using Queries = std::vector<std::string>;

TEST(ScanCost, ReadsWhatAViewReads) {
  const auto plain = of("SELECT * FROM bq.sales.orders");
  EXPECT_EQ(plain.queries, Queries{"SELECT * FROM `example-project.sales.orders`"});
  EXPECT_TRUE(plain.plain);

  const auto quoted = of(R"(SELECT * FROM "BQ"."my-set"."a ""b""")");
  EXPECT_EQ(quoted.queries, Queries{"SELECT * FROM `example-project.my-set.a \"b\"`"});
  EXPECT_TRUE(quoted.plain);
}

TEST(ScanCost, CountsEverythingOfOtherViews) {
  const auto join =
      of("SELECT o.id, u.name FROM bq.sales.orders AS o JOIN bq.people.users AS u ON (o.id = u.id)");
  EXPECT_EQ(join.queries, (Queries{"SELECT * FROM `example-project.sales.orders`",
                                   "SELECT * FROM `example-project.people.users`"}));
  EXPECT_FALSE(join.plain);
  EXPECT_EQ(of("SELECT bq.sales.orders.id FROM bq.sales.orders").queries.size(), 1U);
  EXPECT_FALSE(of("SELECT id FROM bq.sales.orders").plain);
  EXPECT_FALSE(of("SELECT * FROM bq.sales.orders LIMIT 5").plain);

  const auto query = of("SELECT * FROM bigquery_query('example-billing', 'SELECT ''x'' AS a FROM `p.d.t`')");
  EXPECT_EQ(query.queries, Queries{"SELECT 'x' AS a FROM `p.d.t`"});
  EXPECT_FALSE(query.plain);
  EXPECT_EQ(of("SELECT * FROM bigquery_scan('p.d.t')").queries, Queries{"SELECT * FROM `p.d.t`"});
}

TEST(ScanCost, SaysWhenItCannotTell) {
  for (const char* body :
       {"SELECT 1", "SELECT * FROM other.sales.orders", "SELECT * FROM bigquery_query(p, q)",
        "SELECT * FROM bigquery_scan('a`b')", "SELECT * FROM bq.sales.\"a`b\"", "SELECT * FROM bq.\"a\\b\".c",
        "SELECT * FROM bq.orders", "SELECT * FROM bq.sales.orders JOIN bq.users USING (id)"})
    EXPECT_TRUE(of(body).queries.empty()) << body;
  EXPECT_TRUE(of("SELECT * FROM bq.sales.orders", "dataset=x").queries.empty()) << "a url without a project";
}

TEST(ScanCost, StatementsAreWrittenAnew) {
  for (const auto& [sql, words] : std::initializer_list<std::pair<const char*, const char*>>{
           {"SELECT \"id\", n FROM bq_orders -- all", "SELECT `id`, n FROM bq_orders"},
           {"SELECT count(*)/*x*/FROM t WHERE day >= '2026-01-01'",
            "SELECT count(*) FROM t WHERE day >= '2026-01-01'"},
       })
    EXPECT_EQ(in_bigquery_words(sql), words);
  for (const char* sql :
       {"", "SELECT '\\' AS a, * FROM t -- '", "SELECT 1, #1, * FROM t", "SELECT e'a' FROM t -- \\",
        "SELECT $$x$$ FROM t", "SELECT @x", "SELECT 'it''s' FROM t", "SELECT \"a`b\" FROM t", "SELECT ?",
        "SELECT 1; SELECT 2", "SELECT 'a\nb'", "SELECT '"}) {
    const auto words = in_bigquery_words(sql);
    EXPECT_FALSE(words) << sql << " became " << *words;
  }
}

}  // namespace
}  // namespace agnes::connectors::bigquery
