#include "core/catalog/registry_rules.h"

#include <gtest/gtest.h>

#include "core/catalog/source_kind.h"
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

TEST(RegistryRules, EveryModeWithEveryStrategy) {
  config::Schema settings;
  declare_source(settings, {.type = "whole", .name = "Whole"});
  declare_source(settings, {.type = "far", .name = "Far", .incremental = false});
  // Which of them can be, for a table with a key, a date and a query where the mode wants one.
  const auto possible = [](const std::string& source, const std::string& mode, const std::string& strategy) {
    if (strategy == "full_refresh") return true;
    return source != "far" && mode != "remote";
  };
  for (const char* source : {"", "whole", "far", "unknown"})
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

TEST(RegistryRules, AMaterializedTableNeedsAQueryWhereItsSourceHasNoWholeTables) {
  config::Schema settings;
  declare_source(settings, {.type = "whole", .name = "Whole", .whole_tables = true});
  declare_source(settings, {.type = "far", .name = "Far"});
  Registration row;
  row.name = row.id = "t";
  row.query_mode = name_of(QueryMode::materialized);
  row.source_type = "whole";
  EXPECT_NO_THROW(refuse_incoherent(row));
  for (const char* source : {"far", "unknown"}) {
    row.source_type = source;
    EXPECT_THROW(refuse_incoherent(row), Error) << source;
  }
}

TEST(SourceKinds, OneOfATypeIsDeclaredOnceAndFoundByTypeAndExtension) {
  config::Schema settings;
  declare_source(settings, {.type = "far", .name = "Old"});
  declare_source(settings, {.type = "far", .name = "Far", .remote_tables = true, .extension = "far_away"});
  EXPECT_EQ(source_kind("far")->name, "Far");
  EXPECT_EQ(source_of_extension("far_away"), source_kind("far"));
  EXPECT_EQ(source_of_extension(""), nullptr);
  EXPECT_EQ(source_kind("unknown"), nullptr);
  EXPECT_EQ(source_kind(Registration{}), nullptr);
  Registration row;
  row.source_type = "far";
  EXPECT_FALSE(is_at_engine(row));
  row.query_mode = name_of(QueryMode::remote);
  EXPECT_TRUE(is_at_engine(row));
}

}  // namespace
}  // namespace agnes::catalog
