// What `types` in a table's settings does, in every format.
#include "connectors/files_fixture.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {
namespace {

class SetTypes : public Files {};

TEST_F(SetTypes, WhatTypesSaysOfColumnsIsHeldAgainstThem) {
  struct Table {
    const char *file, *content;
  };
  const std::vector<Table> files = {{"c.csv", "Amount,b\n007,1\n"},
                                    {"j.json", "[{\"Amount\": \"007\", \"b\": 1}]"},
                                    {"p.parquet", nullptr}};
  const auto run_with = [&](const std::map<std::string, std::string>& types) {
    for (const auto& [file, content] : files)
      if (content != nullptr)
        put(file, content);
      else
        copy_to(file, "SELECT '007' AS \"Amount\", 1 AS b", "FORMAT parquet");
    return run([&](Job& job) {
      for (const char* name : {"c", "j", "p"}) {
        auto& spec = job.tables.emplace_back();
        spec.name = name;
        spec.types = types;
      }
    });
  };
  const Outcome fine = run_with({{"amount", "BIGINT"}, {"B", "VARCHAR"}});
  for (const char* table : {"c", "j", "p"}) {
    EXPECT_EQ(types(table), "Amount BIGINT, b VARCHAR") << messages(fine);
    EXPECT_EQ(rows(table), "7|1");
  }
  const auto expect_said = [&](const std::map<std::string, std::string>& types, const std::string& what) {
    const Outcome outcome = run_with(types);
    for (const char* table : {"c", "j", "p"}) {
      EXPECT_EQ(result(outcome, table).error_kind, "setting");
      EXPECT_TRUE(
          result(outcome, table)
              .error.starts_with(fmt::format("data_source.files.tables.{}.types has {}", table, what)))
          << result(outcome, table).error;
      EXPECT_TRUE(result(outcome, table).error.ends_with(": correct it, and restart"));
    }
  };
  expect_said({{"Amonut", "BIGINT"}},
              "the column 'Amonut', which the table does not have (is Amount meant?): correct it");
  expect_said({{"Amount", "BIGINT"}, {"amount", "VARCHAR"}}, "the column 'amount' twice");
  for (const char* type : {"NOSUCH", "DECIMAL(50,2)", "BIGINT; DROP", "LIST(", ""})
    expect_said({{"amount", type}},
                fmt::format("'{}' for the column 'Amount', which is no type: use VARCHAR, BIGINT, ", type));
}

}  // namespace
}  // namespace agnes::connectors::files
