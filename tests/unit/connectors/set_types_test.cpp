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
  for (const char* type : {"interval", "INTERVAL[]", "STRUCT(a INTERVAL)", "MAP(VARCHAR, INTERVAL)"})
    expect_said(
        {{"amount", type}},
        fmt::format(
            "'{}' for the column 'Amount', which has INTERVAL, and INTERVAL rounds what is finer than "
            "a microsecond; leave it as text",
            type));
  for (const char* type : {"NOSUCH", "DECIMAL(50,2)", "BIGINT; DROP", "LIST(", ""})
    expect_said({{"amount", type}},
                fmt::format("'{}' for the column 'Amount', which is no type: use VARCHAR, BIGINT, ", type));
}

TEST_F(SetTypes, AMapThatIsSetIsMadeOfObjects) {
  struct Case {
    const char *type, *rows, *becomes;  // nothing: refused
  };
  const Case cases[] = {
      {"MAP(VARCHAR, BIGINT)", R"({"m":{"a":1,"b":2}} {"m":{"c":3}} {"m":null} {"m":{}} {})",
       "{a=1, b=2};{c=3};-;{};-"},
      {"MAP(VARCHAR, VARCHAR)", R"({"m":{"a":1.50,"b":"x","c":null,"d":[1, 2]}})",
       "{a=1.50, b=x, c=NULL, d='[1,2]'}"},
      {"MAP(VARCHAR, DECIMAL(38,0))", R"({"m":{"a":27744709986145692734527357615084792880}})",
       "{a=27744709986145692734527357615084792880}"},
      {"MAP(VARCHAR, DATE)", R"({"m":{"a":"2024-01-02"}})", "{a=2024-01-02}"},
      {"MAP(VARCHAR, BIGINT)[]", R"({"m":[{"a":1},{"b":2}]})", "[{a=1}, {b=2}]"},
      {"MAP(VARCHAR, BIGINT[])", R"({"m":{"a":[1],"b":[2,3]}})", "{a=[1], b=[2, 3]}"},
      {"MAP(VARCHAR, STRUCT(x BIGINT))", R"({"m":{"a":{"x":1},"b":{"x":2}}})", "{a={'x': 1}, b={'x': 2}}"},
      {"STRUCT(m MAP(VARCHAR, BIGINT))", R"({"m":{"m":{"a":1}}})", "{'m': {a=1}}"},
      {"MAP(VARCHAR, BIGINT)", R"({"m":{"a":1.5}})", nullptr},
      {"MAP(VARCHAR, BIGINT)", R"({"m":{"A":1,"a":2}})", "{A=1, a=2}"},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i)
    put(fmt::format("t{}.json", i), "[" + replaced(cases[i].rows, "} {", "}, {") + "]");
  put("keys.json", R"([{"m":{"a":1}}])");
  const Outcome outcome = run([&](Job& job) {
    for (std::size_t i = 0; i <= std::size(cases); ++i) {
      auto& spec = job.tables.emplace_back();
      spec.name = i < std::size(cases) ? fmt::format("t{}", i) : "keys";
      spec.types = {{"m", i < std::size(cases) ? cases[i].type : "MAP(BIGINT, BIGINT)"}};
    }
  });
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const std::string table = fmt::format("t{}", i), error = result(outcome, table).error;
    if (cases[i].becomes == nullptr) {
      EXPECT_EQ(error, table + ".json line 1 has '{a=1.5}' in column 'm', which is not a " + cases[i].type);
      continue;
    }
    ASSERT_EQ(error, "") << cases[i].type;
    EXPECT_EQ(types(table), fmt::format("m {}", cases[i].type));
    EXPECT_EQ(rows(table), cases[i].becomes);
  }
  EXPECT_TRUE(result(outcome, "keys")
                  .error.starts_with("data_source.files.tables.keys.types has 'MAP(BIGINT, BIGINT)' for the "
                                     "column 'm', whose values are STRUCT("))
      << result(outcome, "keys").error;
}

}  // namespace
}  // namespace agnes::connectors::files
