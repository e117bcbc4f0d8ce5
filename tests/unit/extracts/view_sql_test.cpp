#include "core/extracts/view_sql.h"

#include <gtest/gtest.h>

namespace agnes::extracts {
namespace {

struct Case {
  const char* sql;
  std::vector<std::string> paths;
  bool plain, union_by_name;
};

TEST(ViewSql, TellsFilesAndWhetherThereIsMore) {
  const Case cases[] = {
      {"CREATE VIEW orders AS SELECT * FROM read_parquet('/d/orders.parquet');",
       {"/d/orders.parquet"},
       true,
       false},
      {"CREATE VIEW v0 AS SELECT * FROM read_parquet('t/*.parquet', (union_by_name = CAST('t' AS BOOLEAN)), "
       "(hive_partitioning = CAST('f' AS BOOLEAN)));",
       {"t/*.parquet"},
       true,
       true},
      {"CREATE VIEW v4 AS SELECT * FROM parquet_scan('a.parquet', (union_by_name = CAST('f' AS BOOLEAN)));",
       {"a.parquet"},
       true,
       false},
      {"CREATE VIEW v1 AS SELECT * FROM read_parquet(main.list_value('a.parquet', 'b.parquet'));",
       {"a.parquet", "b.parquet"},
       true,
       false},
      {"CREATE VIEW v2 AS SELECT * FROM \"ex/one/data/t1.parquet\";",
       {"ex/one/data/t1.parquet"},
       true,
       false},
      {"CREATE VIEW \"odd name\" AS SELECT * FROM read_parquet('/d/it''s.parquet');",
       {"/d/it's.parquet"},
       true,
       false},
      {"CREATE VIEW v3 AS SELECT id, \"name\" FROM read_parquet('a.parquet') WHERE (id > 3);",
       {"a.parquet"},
       false,
       false},
      {"CREATE VIEW v5 AS SELECT * FROM read_parquet('a.parquet') AS t(a, b) LIMIT 3;",
       {"a.parquet"},
       false,
       false},
      {"CREATE VIEW v6 (a, b) AS SELECT * FROM read_parquet('a.parquet');", {"a.parquet"}, false, false},
      {"CREATE VIEW v7 AS SELECT * FROM read_parquet('a.parquet') WHERE (x = ') as select * from y');",
       {"a.parquet"},
       false,
       false},
      {"CREATE VIEW v8 AS SELECT * FROM kbc.\"in.c-crm\".orders;", {}, false, false},
      {"CREATE VIEW v9 AS SELECT * FROM bigquery_query('p', 'SELECT 1');", {}, false, false},
      {"CREATE VIEW v10 AS SELECT * FROM read_parquet((SELECT max(f) FROM files));", {}, false, false},
  };
  for (const auto& item : cases) {
    const auto found = view_files(item.sql);
    EXPECT_EQ(found.paths, item.paths) << item.sql;
    EXPECT_EQ(found.plain, item.plain) << item.sql;
    EXPECT_EQ(found.union_by_name, item.union_by_name) << item.sql;
  }
}

TEST(ViewSql, TakesPathsAsInsideTheExtractsFolder) {
  const std::filesystem::path folder = "/srv/agnes/extracts/demo";
  EXPECT_EQ(rebase("/data/extracts/demo/data/x.parquet", "demo", folder), folder / "data/x.parquet");
  EXPECT_EQ(rebase("/srv/agnes/extracts/demo/data/x.parquet", "demo", folder), folder / "data/x.parquet");
  EXPECT_EQ(rebase("/old/demo/demo/data/x/*.parquet", "demo", folder), folder / "data/x/*.parquet");
  EXPECT_EQ(rebase("data/x.parquet", "demo", folder), folder / "data/x.parquet");
  EXPECT_EQ(rebase("/renamed/source/data/x.parquet", "demo", folder), folder / "data/x.parquet");
  EXPECT_TRUE(rebase("/etc/x.parquet", "demo", folder).empty());
  EXPECT_TRUE(rebase("/data/extracts/demo/../../other.parquet", "demo", folder).empty());
  EXPECT_TRUE(rebase("../other/data/x.parquet", "demo", folder).empty());
  EXPECT_TRUE(rebase("/srv/agnes/extracts/demo/../demo2/x.parquet", "demo", folder).empty());
}

}  // namespace
}  // namespace agnes::extracts
