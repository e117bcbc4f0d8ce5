#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "cli/api.h"
#include "cli/cells.h"
#include "cli/json_text.h"
#include "cli/sql_text.h"
#include "cli/table.h"
#include "cli/text_width.h"

namespace agnes::cli {
namespace {

using Kind = Cell::Kind;

TEST(Width, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("žluť"), 4u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u) << "a letter and its accent";
  EXPECT_EQ(display_width("😀"), 2u);
  EXPECT_EQ(display_width("\xff\xc3"), 2u) << "broken bytes count one each";
  EXPECT_EQ(cut_to_width("abcdef", 4), "abc…");
  EXPECT_EQ(cut_to_width("日本語", 4), "日…");
  EXPECT_EQ(cut_to_width("abc", 3), "abc");
  EXPECT_EQ(cut_to_width("abc", 0), "");
  EXPECT_EQ(pad_left("ž", 3) + pad_right("ž", 3), "  žž  ");
}

TEST(Json, IsPrintedAsPeopleAndProgramsReadIt) {
  EXPECT_EQ(float_text(0), "0.0");
  EXPECT_EQ(float_text(-0.5), "-0.5");
  EXPECT_EQ(float_text(33266.9), "33266.9");
  EXPECT_EQ(float_text(1e15), "1000000000000000.0");
  EXPECT_EQ(float_text(1e16), "1e+16");
  EXPECT_EQ(float_text(1.5e-5), "1.5e-05");
  EXPECT_EQ(float_text(0.0001), "0.0001");
  EXPECT_EQ(float_text(INFINITY), "inf");
  EXPECT_EQ(json_string("a\"\\\n\t\x01\x7fž"), "\"a\\\"\\\\\\n\\t\\u0001\\u007fž\"");
  const auto value = boost::json::parse(R"({"b":[],"a":[1,2.0,{"c":null}],"e":{}})");
  EXPECT_EQ(
      pretty(value),
      "{\n  \"b\": [],\n  \"a\": [\n    1,\n    2.0,\n    {\n      \"c\": null\n    }\n  ],\n  \"e\": {}\n}");
  EXPECT_EQ(pretty(value, 30), "{\n  \"b\": [],\n  \"a\": [1,2.0,{\"c\":null}],\n  \"e\": {}\n}");
  EXPECT_EQ(compact(value), R"({"b": [], "a": [1, 2.0, {"c": null}], "e": {}})");
}

TEST(Versions, AreComparedNumberByNumber) {
  const std::vector<std::string> ordered{"0.0.0",      "0.1.0", "0.9.9", "0.10.0",
                                         "1.0.0-beta", "1.0.0", "1.0.1", "2"};
  for (std::size_t i = 0; i < ordered.size(); ++i)
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      if (ordered[i].starts_with("1.0.0-") && ordered[j].starts_with("1.0.0-")) continue;
      EXPECT_EQ(is_older(ordered[i], ordered[j]), i < j) << ordered[i] << " " << ordered[j];
    }
  EXPECT_FALSE(is_older("1.0", "1.0.0"));
  EXPECT_FALSE(is_older("1.0.0+local", "1.0.0"));
  EXPECT_TRUE(is_older("v1.2", "1.3"));
  for (const char* bad : {"", "unknown", "x.y", "..", "99999999999999999999.1"}) {
    EXPECT_FALSE(is_older(bad, "1.0.0")) << bad;
    EXPECT_FALSE(is_older("1.0.0", bad)) << bad;
  }
}

ResultTable table_with(std::size_t columns, const std::string& text) {
  ResultTable table;
  table.rows.emplace_back();
  for (std::size_t i = 0; i < columns; ++i) {
    table.columns.push_back("c" + std::to_string(i));
    table.rows[0].push_back({Kind::text, text});
  }
  return table;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    widest = std::max(widest, display_width(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return widest;
}

TEST(Table, FitsATerminalOfAnyWidth) {
  for (const int width : {20, 37, 80, 81, 200})
    for (const std::size_t columns : {1u, 2u, 3u, 7u, 12u})
      for (const std::size_t length : {0u, 1u, 9u, 50u, 500u}) {
        const std::string text =
            table_text(table_with(columns, std::string(length, 'x')), {.width = width, .cut = true});
        EXPECT_LE(widest_line(text), static_cast<std::size_t>(width)) << columns << " columns of " << length;
        EXPECT_NE(text.find("c0"), text.npos);
      }
}

TEST(Table, IsNotCutInAPipe) {
  const std::string text = table_text(table_with(2, std::string(500, 'x')), {.width = 80, .cut = false});
  EXPECT_NE(text.find(std::string(500, 'x')), text.npos);
  EXPECT_EQ(text.find("---row"), text.npos);
  EXPECT_NE(table_text(table_with(30, "x"), {.width = 80, .cut = false}).find("--- row 1 ---"), text.npos);
}

TEST(Table, AlignsNumbersRightAndShowsNull) {
  ResultTable table{{"n", "d", "t", "nothing"}, {}, false};
  table.rows.push_back({{Kind::number, "1"}, {Kind::decimal, "1.50"}, {Kind::text, "a\tb"}, {}});
  table.rows.push_back({{Kind::number, "100"}, {}, {Kind::boolean, "true"}, {}});
  EXPECT_EQ(
      table_text(table, {}),
      "  n     d  t     nothing\n---  ----  ----  -------\n  1  1.50  a\\tb  NULL\n100  NULL  true  NULL\n");
  EXPECT_EQ(table_text({{"a", "b"}, {}, false}, {}), "a  b\n-  -\n(0 rows)\n");
  EXPECT_EQ(table_text({}, {}), "");
}

TEST(RemoteResult, KeepsDigitsAndShapes) {
  const auto table = read_remote_result(
      R"( {"rows": [[1e400, "a\"]\u00e9", null, true, {"x": ["}"]}], [-0.0,"",false,[],{}]], "extra": {"columns": [1]},
           "columns": ["a","b","c","d","e"] , "truncated": true} )");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_TRUE(table.more);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0][0].text, "1e400");
  EXPECT_EQ(table.rows[0][1].text, "a\"]é");
  EXPECT_EQ(table.rows[0][2].kind, Kind::null);
  EXPECT_EQ(table.rows[0][3].kind, Kind::boolean);
  EXPECT_EQ(table.rows[0][4].text, R"({"x": ["}"]})");
  EXPECT_EQ(table.rows[1][0].text, "-0.0");
}

TEST(RemoteResult, RefusesEverythingElse) {
  for (const char* bad :
       {"", "[]", "7", "{", R"({"rows": 7})", R"({"columns": [1]})", R"({"rows": [7]})",
        R"({"rows": {"a": 1}})", R"({"columns": "a"})", "{\"columns\": [\"\xff\"]}", "<html>"})
    EXPECT_THROW(read_remote_result(bad), Error) << bad;
  EXPECT_THROW(read_remote_result(R"({"rows":)" + std::string(100'000, '[')), Error);
  const auto ragged = read_remote_result(R"({"columns": ["a","b"], "rows": [[1], [1,2,3]]})");
  EXPECT_EQ(ragged.rows[0].size(), 2u);
  EXPECT_EQ(ragged.rows[1].size(), 2u);
}

TEST(SqlText, FindsTheOnlyStatement) {
  for (const auto& [sql, statement] : std::map<std::string_view, std::string_view>{
           {"SELECT 1", "SELECT 1"},
           {"SELECT 1;", "SELECT 1"},
           {"SELECT 1 ; ; -- the end; of it", "SELECT 1 "},
           {"SELECT ';' || \";\" || $$;$$ || $a$;$$;$a$ || 'it''s;';",
            "SELECT ';' || \";\" || $$;$$ || $a$;$$;$a$ || 'it''s;'"},
           {"SELECT E'\\';' /* ; /* ; */ ; */ -- ;\n;", "SELECT E'\\';' /* ; /* ; */ ; */ -- ;\n"},
           {"SELECT 'a\\'; /* open", "SELECT 'a\\'"},
           {"SELECT '", "SELECT '"},
           {"SELECT $1;", "SELECT $1"},
           {"", ""}})
    EXPECT_EQ(only_statement(sql), statement) << sql;
  for (const char* several : {"SELECT 1; SELECT 2", "SELECT 1;SELECT '", "SELECT name; $$"})
    EXPECT_EQ(only_statement(several), std::nullopt) << several;
}

}  // namespace
}  // namespace agnes::cli
