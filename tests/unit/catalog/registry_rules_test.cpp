#include "core/catalog/registry_rules.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::catalog {
namespace {

TEST(RegistryRules, NamesOfTables) {
  for (const char* good : {"orders", "Local Orders v2", "_x", "9", "a.b-c", " trimmed "})
    EXPECT_EQ(name_problem(good), "") << good;
  for (const std::string bad : {"", "   ", ".", "..", "-a", "a/b", "a\\b", "a\"b", "a'b", "a;b", "a\nb",
                                "a\tb", "\xC4\x8D", "a%b", "a*b"})
    EXPECT_NE(name_problem(bad), "") << bad;
  EXPECT_EQ(name_problem(std::string(128, 'x')), "");
  EXPECT_NE(name_problem(std::string(129, 'x')), "");
  EXPECT_NE(name_problem(std::string("a\0b", 3)), "");
}

TEST(RegistryRules, ProjectIds) {
  for (const char* good : {"my-project", "abcdef", "a23456", "example.com:my-project"})
    EXPECT_TRUE(is_project_id(good)) << good;
  for (const std::string& bad : {std::string(), std::string("short"), std::string("1project"),
                                 std::string("My-Project"), std::string("project-"), std::string("pro ject"),
                                 std::string("pro`ject"), std::string(31, 'a'), std::string("a:b:c")})
    EXPECT_FALSE(is_project_id(bad)) << bad;
}

TEST(RegistryRules, EveryModeWithEveryStrategy) {
  // Which of them can be, for a table with a key, a date and a query where the mode wants one.
  const auto possible = [](const std::string& source, const std::string& mode, const std::string& strategy) {
    if (strategy == "full_refresh") return true;
    return source != "bigquery" && source != "jira" && mode != "remote";
  };
  for (const char* source : {"", "local", "keboola", "bigquery", "jira"})
    for (const char* mode : {"local", "remote", "materialized"})
      for (const char* strategy : {"full_refresh", "incremental", "partitioned"}) {
        Registration row;
        row.name = row.id = "t";
        if (*source != '\0') row.source_type = source;
        row.query_mode = mode;
        row.sync_strategy = strategy;
        row.primary_key = R"(["id"])";
        row.partition_by = "day";
        if (row.query_mode == "materialized") row.source_query = "SELECT 1";
        if (possible(source, mode, strategy)) {
          EXPECT_NO_THROW(refuse_incoherent(row)) << source << " " << mode << " " << strategy;
        } else {
          EXPECT_THROW(refuse_incoherent(row), Error) << source << " " << mode << " " << strategy;
        }
      }
}

}  // namespace
}  // namespace agnes::catalog
