#include <sstream>

#include "core/query/allowlist.h"
#include "fixture.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::query {
namespace {

// Paragraphs of a file beside the tests: comment lines at the front, the statement, and a line "-> rows".
struct Case {
  std::string note;
  std::string sql;
  std::optional<std::string> rows;
};

std::vector<Case> cases_of(const std::string& file) {
  const auto text = read_file(fs::path(AGNES_TEST_DATA) / "unit" / "query" / file);
  EXPECT_TRUE(text) << file;
  std::vector<Case> out;
  Case now;
  const auto done = [&] {
    if (!trim(now.sql).empty()) out.push_back(std::move(now));
    now = {};
  };
  for (const auto& line : split(text.value_or(""), '\n')) {
    if (line.empty())
      done();
    else if (line.starts_with("-- 40"))
      now.note = line.substr(3);
    else if (line.starts_with("-> "))
      now.rows = line.substr(3);
    else if (!line.starts_with("-- "))
      now.sql += (now.sql.empty() ? "" : "\n") + line;
  }
  done();
  return out;
}

TEST(Refused, WhatIsInTheTable) {
  const auto cases = cases_of("refused.sql");
  EXPECT_GT(cases.size(), 250u);
  for (const auto& test : cases) {
    const auto got = outcome(test.sql);
    EXPECT_EQ(std::to_string(got.status), test.note.substr(0, 3)) << test.sql << "\n" << got.text;
  }
}

TEST(Accepted, WhatIsInTheTable) {
  const auto cases = cases_of("accepted.sql");
  EXPECT_GT(cases.size(), 100u);
  for (const auto& test : cases) {
    const auto got = outcome(test.sql);
    EXPECT_EQ(got.status, 200) << test.sql << "\n" << got.text;
    if (test.rows) {
      EXPECT_EQ(rows(test.sql), *test.rows) << test.sql;
    }
  }
}

std::vector<std::pair<std::string, std::string>> functions() {
  duck::Database database{duck::DatabaseOptions{}};
  auto connection = database.connect();
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& row :
       connection.execute("SELECT DISTINCT function_name, function_type FROM duckdb_functions() ORDER BY ALL")
           .rows())
    out.emplace_back(std::get<std::string>(row[0]), std::get<std::string>(row[1]));
  return out;
}

TEST(Refused, EveryFunctionThatIsNotOnTheList) {
  std::size_t refused = 0;
  for (const auto& [name, type] : functions()) {
    const std::string quoted = duck::quote_identifier(name);
    std::vector<std::string> statements;
    if (!is_harmless_function(name) && !is_harmless_table_function(name))
      for (const auto* form : {"SELECT {}()", "SELECT {}('x')", "SELECT {}(1, 2)", "SELECT main.{}('x')",
                               "SELECT pg_catalog.{}(1)", "SELECT system.main.{}(1)",
                               "SELECT 1 ORDER BY {}(1)", "SELECT count(*) FILTER (WHERE {}()) FROM orders",
                               "SELECT {}(1) OVER ()", "SELECT list_transform([1], lambda x: {}(x))"})
        statements.push_back(fmt::format(fmt::runtime(form), quoted));
    if (!is_harmless_table_function(name))
      for (const auto* form : {"SELECT * FROM {}()", "SELECT * FROM {}('x')", "FROM main.{}('orders')",
                               "FROM system.main.{}()", "SELECT * FROM orders, LATERAL {}('x')"})
        statements.push_back(fmt::format(fmt::runtime(form), quoted));
    for (const auto& sql : statements) {
      const auto got = outcome(sql);
      EXPECT_TRUE(got.status == 400 || got.status == 403) << got.status << " " << sql << "\n" << got.text;
      const bool by_name = got.text.find("There is no function") == 0 ||
                           got.text.find("reads tables named") != std::string::npos;
      EXPECT_TRUE(by_name) << sql << "\n" << got.text;
      ++refused;
    }
  }
  EXPECT_GT(refused, 3000u);
}

TEST(Allowlist, NamesOnlyWhatThereIs) {
  std::set<std::string> known = {"->"};  // an operator that DuckDB does not list
  for (const auto& [name, type] : functions()) known.insert(to_lower(name));
  std::size_t harmless = 0;
  for (const auto& name : harmless_names()) {
    EXPECT_TRUE(known.contains(name)) << name;
    ++harmless;
  }
  EXPECT_GT(harmless, 500u);
}

TEST(Refused, EveryViewOfTheCatalogs) {
  duck::Database database{duck::DatabaseOptions{}};
  auto connection = database.connect();
  std::size_t seen = 0;
  for (const auto& row :
       connection.execute("SELECT schema_name, view_name FROM duckdb_views() WHERE internal ORDER BY ALL")
           .rows()) {
    const auto schema = std::get<std::string>(row[0]), view = std::get<std::string>(row[1]);
    for (const auto& name :
         {view, schema + "." + view, "system." + schema + "." + view, "memory." + schema + "." + view})
      for (const auto* form :
           {"SELECT * FROM {}", "DESCRIBE {}", "SUMMARIZE {}", "WITH x AS (FROM {}) SELECT 1"}) {
        const auto got = outcome(fmt::format(fmt::runtime(form), name));
        EXPECT_TRUE(got.status == 400 || got.status == 403) << name << " " << got.status << " " << got.text;
        ++seen;
      }
  }
  EXPECT_GT(seen, 500u);
}

TEST(Refused, EverySetting) {
  duck::Database database{duck::DatabaseOptions{}};
  auto connection = database.connect();
  std::size_t seen = 0;
  for (const auto& row : connection.execute("SELECT name FROM duckdb_settings()").rows()) {
    const auto name = std::get<std::string>(row[0]);
    for (const auto* form :
         {"SET {} = 1", "SET GLOBAL {} = 'x'", "SET SESSION {} = 'x'", "RESET {}", "PRAGMA {} = 1",
          "PRAGMA {}", "SELECT current_setting('{}')", "SET {} TO DEFAULT"}) {
      const auto got = outcome(fmt::format(fmt::runtime(form), name));
      EXPECT_EQ(got.status, 400) << name << " " << got.text;
      ++seen;
    }
  }
  EXPECT_GT(seen, 1000u);
}

// Whoever probes for names learns nothing: a hidden table, one that never was, and one in another form give
// the same status and the same words.
TEST(Refused, AHiddenTableLooksLikeNone) {
  const auto with_name = [](std::string text, const std::string& name) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at))
      text.replace(at, name.size(), "<name>");
    return text;
  };
  for (const auto* form :
       {"SELECT * FROM {}", "DESCRIBE {}", "SUMMARIZE {}", "FROM main.{}", "PIVOT {} ON a USING count(*)",
        "EXPLAIN FROM {}", "SELECT (SELECT 1 FROM {})", "WITH x AS (FROM {}) SELECT 1"}) {
    const auto hidden = outcome(fmt::format(fmt::runtime(form), "salaries"));
    const auto none = outcome(fmt::format(fmt::runtime(form), "vacation"));
    EXPECT_EQ(hidden.status, 403) << form;
    EXPECT_EQ(none.status, 403) << form;
    EXPECT_EQ(with_name(hidden.text, "salaries"), with_name(none.text, "vacation"));
  }
  const auto inside = outcome("SELECT * FROM margins"), none = outcome("SELECT * FROM vacatio");
  EXPECT_EQ(with_name(inside.text, "margins"), with_name(none.text, "vacatio"));
}

TEST(Refused, PositionsAreOfTheCallersText) {
  EXPECT_NE(outcome("SELECT 1,\n  'ž', read_csv('x')").text.find("line 2, column 8"), std::string::npos)
      << outcome("SELECT 1,\n  'ž', read_csv('x')").text;
  EXPECT_NE(outcome("EXPLAIN ANALYZE\nFROM salaries").text.find("line 2, column 6"), std::string::npos)
      << outcome("EXPLAIN ANALYZE\nFROM salaries").text;
  const auto pivot = outcome("SELECT * FROM (PIVOT orders ON currency, id USING count(*)), salaries");
  EXPECT_NE(pivot.text.find("line 1, column 62"), std::string::npos) << pivot.text;
  EXPECT_NE(outcome("SELECT FROM WHERE").text.find("line 1, column"), std::string::npos);
}

}  // namespace
}  // namespace agnes::query
