// Tables of very many columns fit into the memory that a sync has by default.
#include "connectors/files_fixture.h"

namespace agnes::connectors::files {
namespace {

struct Wide {
  const char* name;
  int columns, rows;
  const char* value;
  const char* type;
};

std::string csv(const Wide& table) {
  std::string header, row;
  for (int i = 0; i < table.columns; ++i) {
    header += fmt::format("{}c{}", i > 0 ? "," : "", i);
    row += fmt::format("{}{}", i > 0 ? "," : "", table.value);
  }
  return many_rows(header, row, table.rows - 1, row);
}

TEST_F(Files, WideTablesOfRepeatingValuesNeedNoMoreMemoryThanThereIs) {
  const Wide tables[] = {
      {"some_texts", 700, 5, "yes", "VARCHAR"},
      {"texts", 10'000, 300, "yes", "VARCHAR"},
      {"numbers", 10'000, 5, "17", "BIGINT"},
      {"dates", 10'000, 5, "2024-02-29", "DATE"},
  };
  for (const auto& table : tables) put(fmt::format("{}.csv", table.name), csv(table));
  const Outcome outcome = run();
  EXPECT_EQ(messages(outcome), "");
  for (const auto& table : tables) {
    const auto& found = result(outcome, table.name);
    ASSERT_EQ(found.status, "ok") << found.error;
    EXPECT_EQ(found.rows, table.rows);
    ASSERT_EQ(found.columns.size(), static_cast<std::size_t>(table.columns));
    EXPECT_EQ(found.columns.back().type, table.type);
  }
}

}  // namespace
}  // namespace agnes::connectors::files
