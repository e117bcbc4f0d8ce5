// Which columns and types JSON files get, and that no value changes.
#include <random>

#include "connectors/files/value_functions.h"
#include "connectors/files/values.h"
#include "connectors/files_fixture.h"
#include "core/extracts/table_read.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {
namespace {

struct Case {
  const char* values;  // one a line: the values of the column c
  const char* type;
  const char* rows;  // nullptr: as they were
};

std::string joined(std::string_view values) {
  std::string out(values);
  std::replace(out.begin(), out.end(), '\n', ';');
  return out;
}

class JsonFiles : public Files {
 protected:
  // Each case as a list, and turned round as JSON lines: the type is the same.
  void check(const std::vector<Case>& cases) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      std::string list, back;
      for (const auto& value : split(cases[i].values, '\n')) {
        const std::string object = fmt::format("{{\"c\": {}, \"d\": \"2024-01-02\"}}", value);
        list += (list.empty() ? "[" : ",\n") + object;
        back = object + "\n" + back;
      }
      put(fmt::format("list{}.json", i), list + "]");
      put(fmt::format("back{}.jsonl", i), back);
    }
    const Outcome outcome = run();
    ASSERT_EQ(messages(outcome), "");
    duck::Database memory({{}, {{"threads", "1"}}});
    auto connection = memory.connect();
    connection.execute("SET TimeZone = 'UTC'");
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto expected = split(joined(cases[i].rows != nullptr ? cases[i].rows : cases[i].values), ';');
      for (const char* form : {"list", "back"}) {
        const std::string table = fmt::format("{}{}", form, i);
        EXPECT_EQ(result(outcome, table).columns.at(0).type, cases[i].type) << cases[i].values;
        EXPECT_EQ(result(outcome, table).columns.at(1).type, "DATE") << cases[i].values;
        const std::string file = (extract_dir() / "data" / (table + ".parquet")).string();
        std::vector<std::string> found;
        for (const auto& row : connection
                                   .execute("SELECT coalesce(CAST(c AS VARCHAR), '-') FROM read_parquet(" +
                                            duck::quote_literal(file) + ")")
                                   .rows())
          found.push_back(std::get<std::string>(row.at(0)));
        if (form == std::string_view("back")) std::reverse(found.begin(), found.end());
        EXPECT_EQ(found, expected) << table << ": " << cases[i].values;
      }
    }
  }

  struct Table {
    const char *content, *types, *rows;
  };
  void check_tables(const std::vector<Table>& tables) {
    for (std::size_t i = 0; i < tables.size(); ++i) put(fmt::format("t{}.json", i), tables[i].content);
    EXPECT_EQ(messages(run()), "");
    for (std::size_t i = 0; i < tables.size(); ++i) {
      EXPECT_EQ(types(fmt::format("t{}", i)), tables[i].types) << tables[i].content;
      EXPECT_EQ(rows(fmt::format("t{}", i)), tables[i].rows) << tables[i].content;
    }
  }
};

TEST_F(JsonFiles, Numbers) {
  check({
      {"1\n-5\n0", "BIGINT", nullptr},
      {"9223372036854775807\n-9223372036854775808", "BIGINT", nullptr},
      {"1\n9223372036854775808", "VARCHAR", nullptr},
      {"-1\n18446744073709551615", "VARCHAR", nullptr},
      {"277447099861456945273576150847928801582", "VARCHAR", nullptr},
      {"-0\n1", "DOUBLE", "-0.0\n1.0"},
      {"1.5\n2\n2.25", "DOUBLE", "1.5\n2.0\n2.25"},
      {"1.5\n-0", "DOUBLE", "1.5\n-0.0"},
      {"0.1\n0.30000000000000004", "DOUBLE", nullptr},
      {"1e3\n-4\n1.2E5", "DOUBLE", "1000.0\n-4.0\n120000.0"},
      {"1e3\n12E4", "VARCHAR", nullptr},
      {"1.9\n1.10", "VARCHAR", nullptr},
      {"1.50\n2", "VARCHAR", nullptr},
      {"1.50\n12.25\n-0.10", "DECIMAL(18,2)", nullptr},
      {"1.5\n12.2", "DECIMAL(18,1)", nullptr},
      {"1.50\nNaN", "VARCHAR", nullptr},
      {"1234567890123456789.25\n1.10", "DECIMAL(38,2)", nullptr},
      {"1234567890123456789.25\n1.1", "VARCHAR", nullptr},
      {"0.1234567890123456789012345678901234567890", "VARCHAR", nullptr},
      {"1.5\n9007199254740993", "VARCHAR", nullptr},
      {"9007199254740995\n1e2", "VARCHAR", nullptr},
      {"1.5\n9007199254740992", "DOUBLE", "1.5\n9007199254740992.0"},
      {"1.5\n12345678901234567890123", "VARCHAR", nullptr},
      {"1e400\n1", "VARCHAR", nullptr},
      {"1e-400\n1", "VARCHAR", nullptr},
      {"1e99999999999999999999\n1", "VARCHAR", nullptr},
      {"0e400\n1.5", "DOUBLE", "0.0\n1.5"},
      {"1.7976931348623157e308\n5e-324", "DOUBLE", "1.7976931348623157e+308\n5e-324"},
      {"1.5\nNaN\n-Infinity", "DOUBLE", "1.5\nnan\n-inf"},
      {"9007199254740993\nNaN", "VARCHAR", nullptr},
      {"null\n7", "BIGINT", "-\n7"},
      {"null", "VARCHAR", "-"},
      {"true\nfalse", "BOOLEAN", nullptr},
      {"true\n1", "VARCHAR", nullptr},
      {"7\n\"7\"\n1.50\n\"x\"\ntrue", "VARCHAR", "7\n7\n1.50\nx\ntrue"},
  });
}

TEST_F(JsonFiles, Texts) {
  check({
      {"\"25-11-2025\"\n\"26-11-2025\"", "VARCHAR", "25-11-2025\n26-11-2025"},
      {"\"11-25-2025\"", "VARCHAR", "11-25-2025"},
      {"\"10-11-12\"\n\"1-1-1\"", "VARCHAR", "10-11-12\n1-1-1"},
      {"\"01/02/2020\"", "VARCHAR", "01/02/2020"},
      {"\"BBD05AE7-0F15-4A83-AF2F-2CC6AA717D7B\"", "VARCHAR", "BBD05AE7-0F15-4A83-AF2F-2CC6AA717D7B"},
      {"\"bbd05ae7-0f15-4a83-af2f-2cc6aa717d7b\"", "VARCHAR", "bbd05ae7-0f15-4a83-af2f-2cc6aa717d7b"},
      {"\"2024-05-01\"\n\"infinity\"", "VARCHAR", "2024-05-01\ninfinity"},
      {"\"epoch\"", "VARCHAR", "epoch"},
      {"\"\"\n\"2024-05-01\"", "VARCHAR", "\n2024-05-01"},
      {"\"007\"\n\"1.5\"\n\"true\"", "VARCHAR", "007\n1.5\ntrue"},
      {"\"1\"\n\"2\"", "VARCHAR", "1\n2"},
      {"\"2024-02-29\"\n\"1999-12-31\"", "DATE", "2024-02-29\n1999-12-31"},
      {"\"2024-02-30\"", "VARCHAR", "2024-02-30"},
      {"\"0000-01-01\"", "VARCHAR", "0000-01-01"},
      {"\"2024-1-5\"", "VARCHAR", "2024-1-5"},
      {"\"2024-01-02\"\n\"2024-01-02T03:04:05.5\"\n\"2024-01-02 03:04\"", "TIMESTAMP",
       "2024-01-02 00:00:00\n2024-01-02 03:04:05.5\n2024-01-02 03:04:00"},
      {"\"2024-01-02 \"\n\"2024-01-02T03:04:05\"", "VARCHAR", "2024-01-02 \n2024-01-02T03:04:05"},
      {"\" 2024-01-02 \"\n\"2024-01-03\"", "VARCHAR", " 2024-01-02 \n2024-01-03"},
      {"\"2024-01-01T00:00:00.123456789\"", "VARCHAR", "2024-01-01T00:00:00.123456789"},
      {"\"2024-01-01T24:00:00\"", "VARCHAR", "2024-01-01T24:00:00"},
      {"\"2024-03-01T10:15:00+02:00\"\n\"2024-03-02T11:15:00-0500\"\n\"2024-03-02T11:15:00.25Z\"",
       "TIMESTAMP WITH TIME ZONE",
       "2024-03-01 08:15:00+00\n2024-03-02 16:15:00+00\n2024-03-02 11:15:00.25+00"},
      {"\"2024-03-01T10:15:00+02:00\"\n\"2024-03-01T10:15:00\"", "VARCHAR",
       "2024-03-01T10:15:00+02:00\n2024-03-01T10:15:00"},
      {"\"10:15:00\"\n\"23:59:59.5\"", "TIME", "10:15:00\n23:59:59.5"},
      {"\"24:00:00\"", "VARCHAR", "24:00:00"},
      {"\"a\\\"b\\\\c\\/\\t\\u0041\\u00e9\\ud83d\\ude00\"", "VARCHAR", "a\"b\\c/\tAé😀"},
      {"\"2024-05\\u002d01\"", "DATE", "2024-05-01"},
  });
}

// DuckDB casts the texts of JSON, functions of ours those of CSV: both make the same values of dates and times.
TEST(Moments, AreTheSameInJsonAndCsv) {
  std::mt19937 random(7);
  const std::string_view seeds[] = {"2024-02-29",
                                    "1900-02-28 23:59:59",
                                    "0001-12-31T00:00",
                                    "10:15:00.123456",
                                    "2024-03-01T10:15:00+02:00",
                                    "2024-03-01 10:15:00.5Z",
                                    "9999-04-30 01:02:03-0530",
                                    " 2024-11-05 ",
                                    " 2024-11-05 01:02 ",
                                    "23:59:59"};
  const std::string_view letters = "0123459- :.TZ+";
  std::vector<std::string> texts = {"infinity",   "epoch",     "", "2024-02-29 24:00:00",
                                    "2023-02-29", "0000-01-01"};
  for (int i = 0; i < 3'000; ++i) {
    std::string text(seeds[random() % std::size(seeds)]);
    for (auto changes = random() % 3; changes > 0; --changes) {
      const auto at = random() % text.size();
      if (random() % 4 == 0)
        text.erase(at, 1);
      else if (random() % 4 == 0)
        text.insert(at, 1, letters[random() % letters.size()]);
      else
        text[at] = letters[random() % letters.size()];
    }
    texts.push_back(text);
  }
  std::map<std::string, std::string> by_type;
  for (const auto& text : texts)
    if (const auto moments = moments_of(text); moments != 0) {
      auto& values = by_type[type_of_all(moments)];
      values += fmt::format("{}({})", values.empty() ? "" : ", ", duck::quote_literal(text));
    }
  EXPECT_EQ(by_type.size(), 4u);
  duck::Database memory({{}, {{"threads", "1"}}});
  auto connection = memory.connect();
  connection.execute("SET TimeZone = 'UTC'");
  register_value_functions(connection);
  for (const auto& [type, values] : by_type)
    EXPECT_EQ(duck::scalar<std::string>(
                  connection,
                  fmt::format("SELECT string_agg(v) FROM (VALUES {}) AS t(v) WHERE TRY_CAST(v AS {}) IS "
                              "DISTINCT FROM {}",
                              values, type, value_sql("v", type, 0))),
              std::nullopt)
        << type;
}

TEST_F(JsonFiles, NestedValues) {
  check({
      {"{\"x\": 1}\n{\"x\": 2, \"y\": \"a\"}\nnull\n{}", "STRUCT(x BIGINT, y VARCHAR)",
       "{'x': 1, 'y': NULL}\n{'x': 2, 'y': a}\n-\n{'x': NULL, 'y': NULL}"},
      {"[1, 2]\n[]\n[null, 3]", "BIGINT[]", "[1, 2]\n[]\n[NULL, 3]"},
      {"[[1.5], [], null]\n[[2]]", "DOUBLE[][]", "[[1.5], [], NULL]\n[[2.0]]"},
      {"[{\"a\": [1]}, {\"b\": \"2024-01-02\"}]", "STRUCT(a BIGINT[], b DATE)[]",
       "[{'a': [1], 'b': NULL}, {'a': NULL, 'b': 2024-01-02}]"},
      {"{\"x\": 18446744073709551615}", "STRUCT(x JSON)", "{'x': 18446744073709551615}"},
      {"[1.5, 9007199254740993]", "JSON[]", "[1.5, 9007199254740993]"},
      {"{\"x\": 1e400}", "STRUCT(x JSON)", "{'x': 1e400}"},
      {"{\"x\": 1.50}\n{\"x\": 2.25}", "STRUCT(x DECIMAL(18,2))", "{'x': 1.50}\n{'x': 2.25}"},
      {"{\"x\": 5}\n{\"x\": \"5\"}", "STRUCT(x JSON)", "{'x': 5}\n{'x': '\"5\"'}"},
      {"{\"x\": \"2024-03-01T10:15:00+02:00\"}", "STRUCT(x TIMESTAMP WITH TIME ZONE)",
       "{'x': '2024-03-01 08:15:00+00'}"},
      {"{\"x\": \"25-11-2025\"}", "STRUCT(x VARCHAR)", "{'x': 25-11-2025}"},
      {"{\"x\": {\"y\": null}}", "STRUCT(x STRUCT(y VARCHAR))", "{'x': {'y': NULL}}"},
      {"{\"x\":1,\"X\":2}", "JSON", nullptr},
      {"[{\"A\":1},{\"a\":2}]", "JSON[]", "[{\"A\":1}, {\"a\":2}]"},
      {"{\"\":4}", "JSON", nullptr},
      {"{\"a\\u0000\":4}", "JSON", nullptr},
      {"{}", "JSON", nullptr},
      {"[]", "VARCHAR[]", nullptr},
      {"{\"x\": 1}\n7\n\"t\"\nnull", "JSON", "{\"x\":1}\n7\n\"t\"\n-"},
      {"[1]\n{ \"a b\" : [ 1.0 , \"x y\" ] }", "JSON", "[1]\n{\"a b\":[1.0,\"x y\"]}"},
      {"{\"q'\\\"$.\": {\"/~\\t\": 1}}", "STRUCT(\"q'\"\"$.\" STRUCT(\"/~\t\" BIGINT))",
       "{'q\\'\"$.': {'/~\t': 1}}"},
  });
}

TEST_F(JsonFiles, EveryKeyIsAColumn) {
  check_tables({
      {R"([{"x":1,"X":2}])", "x_1 BIGINT, X BIGINT", "1|2"},
      {R"([{"X":1},{"x":2}])", "X BIGINT, x_1 BIGINT", "1|-;-|2"},
      {R"([{"Id":"a","UserUPN":"abc"},{"Id":"c","UserUpn":"efg"}])",
       "Id VARCHAR, UserUPN VARCHAR, UserUpn_1 VARCHAR", "a|abc|-;c|-|efg"},
      {R"([{"":1,"x":8}])", "unnamed BIGINT, x BIGINT", "1|8"},
      {R"([{"":7,"unnamed":1,"UNNAMED":2}])", "unnamed_2 BIGINT, unnamed_1 BIGINT, UNNAMED BIGINT", "7|1|2"},
      {R"([{"":7,"C0":1}])", "unnamed BIGINT, C0 BIGINT", "7|1"},
      {R"([{"a":1,"a_1":2,"A":3}])", "a_2 BIGINT, a_1 BIGINT, A BIGINT", "1|2|3"},
      {R"([{"a\"b":1,"a'b":2,"$.a":3,"/~0":4,"a.b":5,"a\nb":6,"\u0001":7,"*":8," ":9}])",
       "a\"b BIGINT, a'b BIGINT, $.a BIGINT, /~0 BIGINT, a.b BIGINT, a\nb BIGINT, \x01 BIGINT, * BIGINT,   "
       "BIGINT",
       "1|2|3|4|5|6|7|8|9"},
      {R"([{"a\u0000b":1,"é":2,"É":3}])", "a\\u0000b BIGINT, é BIGINT, É BIGINT", "1|2|3"},
      {R"([{"\u0061":1},{"a":2}])", "a BIGINT", "1;2"},
      {R"([{"file":1,"line":2,"c0":3,"C1":4}])", "file BIGINT, line BIGINT, c0 BIGINT, C1 BIGINT", "1|2|3|4"},
  });
}

TEST_F(JsonFiles, ListsLinesAndMarks) {
  check_tables({
      {"\xEF\xBB\xBF[{\"a\":1}]", "a BIGINT", "1"},
      {"\xEF\xBB\xBF{\"a\":1}\n{\"a\":2}\n", "a BIGINT", "1;2"},
      {"\n\n {\"a\":1}{\"a\":2}\r\n\r\n{\"a\":\n3}", "a BIGINT", "1;2;3"},
      {" [ {\"a\" : 1 } , {\"b\": 2}\n] \n", "a BIGINT, b BIGINT", "1|-;-|2"},
      {"{\"a\":1,\"b\":\"x\"}", "a BIGINT, b VARCHAR", "1|x"},
  });
  put("mark.jsonl", "\xEF\xBB\xBF\xEF\xBB\xBF{\"a\":1}\r\n\r\n{\"a\":2}");
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(rows("mark"), "1;2");
}

TEST_F(JsonFiles, CompressedFilesAreReadToTheirEnd) {
  const std::string select =
      "SELECT i AS id, md5(CAST(i AS VARCHAR)) AS hash, [i, i + 1] AS list FROM range(20000) AS t(i)";
  for (const char* packed : {"gzip", "zstd", "none"})
    for (const char* form : {"true", "false"})
      copy_to(fmt::format("{}_{}.json{}", packed, form,
                          packed[0] == 'g'   ? ".gz"
                          : packed[0] == 'z' ? ".ZST"
                                             : ""),
              select, fmt::format("FORMAT json, ARRAY {}, COMPRESSION {}", form, packed));
  // Several members or frames are one text.
  for (const auto& [name, packed] : {std::pair{"two.jsonl.gz", "gzip"}, {"two_more.jsonl.zst", "zstd"}}) {
    copy_to("part.tmp", "SELECT 1 AS id", fmt::format("FORMAT json, COMPRESSION {}", packed));
    const std::string part = read_file(source() / "part.tmp").value();
    fs::remove(source() / "part.tmp");
    put(name, part + part + part);
  }
  const Outcome outcome = run();
  EXPECT_EQ(messages(outcome), "");
  for (const char* table :
       {"gzip_true", "gzip_false", "zstd_true", "zstd_false", "none_true", "none_false"}) {
    duck::Database memory({{}, {{"threads", "1"}}});
    auto connection = memory.connect();
    const std::string file = (extract_dir() / "data" / (std::string(table) + ".parquet")).string();
    EXPECT_EQ(
        duck::scalar<std::int64_t>(
            connection, fmt::format("SELECT count(*) FROM (({0}) EXCEPT (SELECT * FROM read_parquet('{1}')))",
                                    select, file)),
        0)
        << table;
    EXPECT_EQ(result(outcome, table).rows, 20'000) << table;
  }
  EXPECT_EQ(rows("two"), "1;1;1");
  EXPECT_EQ(rows("two_more"), "1;1;1");
}

TEST_F(JsonFiles, AnObjectMayHaveSixteenMegabytes) {
  const std::string long_text(15 << 20, 'x');
  put("fits.json", "[{\"a\":\"" + long_text + "\"},{\"a\":\"" + long_text + "\"}]");
  put("more.json", "[{\"a\":1},\n{\"a\":\"" + long_text + std::string(2 << 20, 'x') + "\"}]");
  const Outcome outcome = run();
  EXPECT_EQ(messages(outcome),
            "more.json line 2 has a value of more than 16 MB, which no row of a table may have\n");
  EXPECT_EQ(rows("fits"), long_text + ";" + long_text);
}

TEST_F(JsonFiles, WhatIsWrongIsNamedWithItsLine) {
  const std::tuple<const char*, std::string, const char*> cases[] = {
      {"a.json", "[{\"a\": 1},\n{\"a\": 2,\n\"b\": 1, \"a\": 3}]",
       "line 3 has the key 'a' twice in one object"},
      {"b.jsonl", "{\"a\": 1}\n{\"a\": {\"x\": 1, \"\\u0078\": 1}}\n", "line 2 has the key 'x' twice"},
      {"c.json", "[{\"a\": [1, {\"k\": [{\"x\": 1, \"x\": 1}]}]},\n 5]", "line 1 has the key 'x' twice"},
      {"d.json", "[{\"a\": \"x\"},\n{\"a\": \"caf\xe9\"}]", "line 2 is not UTF-8"},
      {"e.jsonl", "{\"a\": 1}\n{\"a\": \"\xed\xa0\x80\"}\n", "line 2 is not UTF-8"},
      {"f.json", std::string("\xff\xfe[\0{\0", 6), "line 1 is not UTF-8"},
      {"g.json", "[{\"a\": \"x\"},\n{\"a\": \"\\ud800\"}]", "line 2 has half a character (\\ud800)"},
      {"h.jsonl", "{\"a\": 1}\n{\"a\": 1} {\"a\": 2}\n", "line 2 is not JSON: there is more than one value"},
      {"i.jsonl", "{\"a\": 1}\n{\"a\":\n1}\n", "line 2 is not JSON: the value does not end on its line"},
      {"j.json", "[{\"a\": 1},\n{\"a\": 2},\n", "line 2 is not JSON"},
      {"k.json", "[{\"a\": 1}\n{\"a\": 2}]", "line 2 is not JSON: '{' stands where it cannot"},
      {"l.json", "[{\"a\": 1,}]", "line 1 is not JSON: '}' stands where it cannot"},
      {"m.json", "[{\"a\": 01}]", "line 1 is not JSON: a number begins with 0"},
      {"n.json", "[{\"a\": \"x\ny\"}]", "line 1 is not JSON: a text does not end on its line"},
      {"o.json", "[{\"a\": 1}]\n[{\"a\": 2}]", "line 2 is not JSON: there is text after the end of the list"},
      {"p.json", "[{\"a\": +1}]", "line 1 is not JSON: '+' stands where it cannot"},
      {"q.json", "[{\"a\": tru}]", "line 1 is not JSON: '}' stands where it cannot"},
      {"r.json", "[{\"a\": \"\\x\"}]", "line 1 is not JSON: a text has a backslash"},
      {"s.json", "[{'a': 1}]", "line 1 is not JSON: ''' stands where it cannot"},
      {"t.json", "\n[{\"a\": {\"x\": 5}},\n{\"a\": {\"x\": NaN}},\n{\"a\": {\"x\": \"t\"}}]",
       "line 3 has NaN"},
      {"u.json", "[{\"a\": 1.}]", "line 1 is not JSON"},
      {"v.json", "[{\"a\": " + std::string(600, '[') + std::string(600, ']') + "}]",
       "line 1 has more than 500 lists"},
  };
  for (const auto& [name, content, said] : cases) put(name, content);
  put("fine.json", "[{\"a\": 1}]");
  const Outcome outcome = run();
  for (const auto& [name, content, said] : cases) {
    const auto& found = result(outcome, std::string(1, name[0]));
    EXPECT_EQ(found.status, "failed") << name;
    EXPECT_TRUE(found.error.starts_with(fmt::format("{} {}", name, said))) << found.error;
    EXPECT_TRUE(found.line) << name;
  }
  EXPECT_EQ(rows("fine"), "1");
}

TEST_F(JsonFiles, AFileThatIsCutOffAnywhereIsNamed) {
  const std::string whole =
      "[{\"a\": -1.5e+7, \"b\": \"x\\n\xc3\xa9\\u00e9\"},\n {\"a\": null, \"b\": [true, {\"c\": {}}]}]";
  for (std::size_t i = 1; i < whole.size(); ++i) put(fmt::format("c{}.json", i), whole.substr(0, i));
  const Outcome outcome = run();
  for (std::size_t i = 1; i < whole.size(); ++i) {
    const auto& found = result(outcome, fmt::format("c{}", i));
    EXPECT_EQ(found.status, "failed") << whole.substr(0, i);
    EXPECT_NE(found.error.find(fmt::format("c{}.json line", i)), std::string::npos) << found.error;
  }
}

TEST_F(JsonFiles, ATypeThatIsSetChangesNothing) {
  const std::tuple<const char*, std::vector<const char*>, const char*> good[] = {
      {"VARCHAR", {"1.50", "1e400", "true", "null", "\"x\"", "[1, 2]"}, "1.50;1e400;true;-;x;[1,2]"},
      {"VARCHAR",
       {"\"BBD05AE7-0F15-4A83-AF2F-2CC6AA717D7B\"", "277447099861456945273576150847928801582"},
       "BBD05AE7-0F15-4A83-AF2F-2CC6AA717D7B;277447099861456945273576150847928801582"},
      {"VARCHAR", {"\"2024-03-01T10:15:00+02:00\""}, "2024-03-01T10:15:00+02:00"},
      {"DECIMAL(38,0)",
       {"27744709986145694527357615084792880158", "\"5\""},
       "27744709986145694527357615084792880158;5"},
      {"INTEGER", {"\"007\"", "5.0", "-3"}, "7;5;-3"},
      {"TIMESTAMP WITH TIME ZONE",
       {"\"2024-03-01\"", "\"2024-03-01T10:15:00+02:00\""},
       "2024-03-01 00:00:00+00;2024-03-01 08:15:00+00"},
      {"JSON", {"1.50", "\"x\"", "{\"a\":[1]}"}, "1.50;\"x\";{\"a\":[1]}"},
      {"BIGINT[]", {"[1, 2]", "null", "[3.0]"}, "[1, 2];-;[3]"},
      {"DOUBLE", {"9007199254740992", "\"1.5\""}, "9007199254740992.0;1.5"},
  };
  const std::tuple<const char*, const char*, const char*> wrong[] = {
      {"BIGINT", "1", "2.7"},
      {"BIGINT", "1", "9223372036854775808"},
      {"INTEGER", "1", "3000000000"},
      {"DECIMAL(18,4)", "1.5", "1.23456"},
      {"DOUBLE", "1.5", "9007199254740993"},
      {"DATE", "\"2024-01-02\"", "01/02/2024"},
      {"TIMESTAMP", "\"2024-01-02 03:04:05\"", "2024-01-02T03:04:05+02:00"},
      {"BOOLEAN", "\"true\"", "maybe"},
      {"BIGINT[]", "[1]", "[2.7]"},
      {"FLOAT", "0.1", "16777217"},
  };
  for (std::size_t i = 0; i < std::size(good); ++i) {
    std::string lines;
    for (const char* value : std::get<1>(good[i])) lines += fmt::format("{{\"c\": {}}}\n", value);
    put(fmt::format("g{}.jsonl", i), lines);
  }
  for (std::size_t i = 0; i < std::size(wrong); ++i) {
    const auto& [type, fits, bad] = wrong[i];
    const char* quote = fits[0] == '"' ? "\"" : "";
    put(fmt::format("w{}/a.json", i), fmt::format("[{{\"c\": {}}}]", fits));
    put(fmt::format("w{}/b.json", i),
        fmt::format("[{{\"c\": {0},\n \"d\": 1}}, {{\"c\": null}},\n{{\"c\": {2}{1}{2}}}]", fits, bad,
                    quote));
  }
  const Outcome outcome = run([&](Job& job) {
    const auto set = [&](const std::string& table, const char* type) {
      TableSpec spec;
      spec.name = table;
      spec.types = {{"c", type}};
      job.tables.push_back(spec);
    };
    for (std::size_t i = 0; i < std::size(good); ++i) set(fmt::format("g{}", i), std::get<0>(good[i]));
    for (std::size_t i = 0; i < std::size(wrong); ++i) set(fmt::format("w{}", i), std::get<0>(wrong[i]));
  });
  for (std::size_t i = 0; i < std::size(good); ++i) {
    const auto& [type, values, expected] = good[i];
    ASSERT_EQ(result(outcome, fmt::format("g{}", i)).error, "") << type;
    EXPECT_EQ(types(fmt::format("g{}", i)), fmt::format("c {}", type));
    EXPECT_EQ(rows(fmt::format("g{}", i)), expected);
  }
  for (std::size_t i = 0; i < std::size(wrong); ++i) {
    const auto& [type, fits, bad] = wrong[i];
    EXPECT_EQ(result(outcome, fmt::format("w{}", i)).error,
              fmt::format("w{}/b.json line 3 has '{}' in column 'c', which is not a {}", i, bad, type));
  }
}

TEST_F(JsonFiles, ATypeThatIsSetForPartsHoldsThemAsTheyAreWritten) {
  const std::vector<std::tuple<const char*, const char*, const char*>> good = {
      {"VARCHAR[]", "[1.50,\"x\",null]", "[1.50, x, NULL]"},
      {"DECIMAL(9,2)[]", "[1.5,\"2.25\"]", "[1.50, 2.25]"},
      {"STRUCT(b VARCHAR, a DATE[])", "{\"a\":[\"2024-01-02\"],\"b\":1.50}",
       "{'b': 1.50, 'a': [2024-01-02]}"},
      {"JSON[]", "[1.50,\"x\"]", "[1.50, \"x\"]"},
  };
  const std::vector<std::pair<const char*, const char*>> bad = {
      {"FLOAT[]", "[16777217]"},
      {"TIMESTAMP[]", "[\"2024-01-01T00:00:00+02:00\"]"},
      {"DATE[]", "[\"2024-01-01T10:00:00\"]"},
      {"STRUCT(a BIGINT)", "{\"a\":1,\"b\":2}"},
      {"STRUCT(a BIGINT[])", "{\"a\":[1,2.7]}"},
  };
  for (std::size_t i = 0; i < good.size(); ++i)
    put(fmt::format("g{}.json", i), fmt::format("[{{\"c\":{}}}]", std::get<1>(good[i])));
  for (std::size_t i = 0; i < bad.size(); ++i)
    put(fmt::format("b{}.json", i), fmt::format("[{{\"c\":{}}}]", bad[i].second));
  const Outcome outcome = run([&](Job& job) {
    const auto set = [&](const std::string& table, const char* type) {
      auto& spec = job.tables.emplace_back();
      spec.name = table;
      spec.types = {{"c", type}};
    };
    for (std::size_t i = 0; i < good.size(); ++i) set(fmt::format("g{}", i), std::get<0>(good[i]));
    for (std::size_t i = 0; i < bad.size(); ++i) set(fmt::format("b{}", i), bad[i].first);
  });
  for (std::size_t i = 0; i < good.size(); ++i) {
    const std::string table = fmt::format("g{}", i);
    ASSERT_EQ(result(outcome, table).error, "");
    EXPECT_EQ(types(table), fmt::format("c {}", std::get<0>(good[i])));
    EXPECT_EQ(rows(table), std::get<2>(good[i]));
  }
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const auto& error = result(outcome, fmt::format("b{}", i)).error;
    EXPECT_TRUE(error.starts_with(fmt::format("b{}.json line 1 has '", i))) << error;
    EXPECT_TRUE(error.ends_with(fmt::format("in column 'c', which is not a {}", bad[i].first))) << error;
  }
}

TEST_F(JsonFiles, PartitionFoldersAreColumns) {
  put("t/year=2024/m=01/a.jsonl", "{\"a\":1}\n{\"a\":2}\n");
  put("t/year=2025/m=__HIVE_DEFAULT_PARTITION__/a.jsonl", "{\"b\":\"x\"}\n");
  put("u/day=2024-01-02/a.json", "[{\"a\":1}]");
  put("v/code=x1/a.json", "[{\"a\":1}]");
  put("w/id=5/a.json", "[{\"ID\":1}]");
  put("x/id=5/a.json", "[{\"a\":1}]");
  put("x/no=5/b.json", "[{\"a\":1}]");
  const Outcome outcome = run();
  EXPECT_EQ(
      messages(outcome),
      "w/id=5/a.json has the column 'ID', and its folder 'id=...' gives another of that name: rename one of "
      "them\n"
      "x/no=5/b.json lies in other column=value folders than x/id=5/a.json: the files of one table must "
      "lie in the same ones\n");
  EXPECT_EQ(types("t"), "a BIGINT, b VARCHAR, year BIGINT, m VARCHAR");
  EXPECT_EQ(rows("t"), "1|-|2024|01;2|-|2024|01;-|x|2025|-");
  EXPECT_EQ(types("u"), "a BIGINT, day DATE");
  EXPECT_EQ(rows("v"), "1|x1");
}

TEST_F(JsonFiles, WideAndDeepObjects) {
  const auto object = [](int keys) {
    std::string out = "{";
    for (int i = 0; i < keys; ++i)
      out += fmt::format("{}\"k{}\":{}", i > 0 ? "," : "", i, i == 7 ? "1.5" : "9007199254740993");
    return out + "}";
  };
  put("wide.json", "[{\"m\":" + object(250) + "}]");
  put("map.json", "[{\"m\":" + object(1500) + "}]");
  const auto nested = [](int depth, std::string_view open, std::string_view close) {
    std::string out;
    for (int i = 0; i < depth; ++i) out += open;
    out += "1";
    for (int i = 0; i < depth; ++i) out += close;
    return out;
  };
  for (const int depth : {12, 13, 40, 300}) {
    put(fmt::format("objects{}.jsonl", depth), "{\"a\":" + nested(depth, "{\"b\":", "}") + "}\n");
    put(fmt::format("lists{}.jsonl", depth), "{\"a\":" + nested(depth, "[", "]") + "}\n");
  }
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(types("wide").find("MAP"), std::string::npos);
  EXPECT_NE(rows("wide").find("'k6': 9007199254740993, 'k7': 1.5, "), std::string::npos) << rows("wide");
  EXPECT_EQ(types("map"), "m JSON");
  EXPECT_EQ(rows("map"), object(1500));
  EXPECT_EQ(rows("lists12"), nested(12, "[", "]"));
  EXPECT_EQ(types("lists12"), "a BIGINT[][][][][][][][][][][][]");
  EXPECT_TRUE(types("objects12").starts_with("a STRUCT(b STRUCT("));
  for (const int depth : {13, 40, 300}) {
    EXPECT_EQ(types(fmt::format("lists{}", depth)), "a JSON");
    EXPECT_EQ(types(fmt::format("objects{}", depth)), "a JSON");
    EXPECT_EQ(rows(fmt::format("lists{}", depth)), nested(depth, "[", "]"));
    EXPECT_EQ(rows(fmt::format("objects{}", depth)), nested(depth, "{\"b\":", "}"));
  }
  for (const char* table : {"lists12", "objects12", "lists300", "objects300"}) {
    extracts::SampleRequest request;
    request.files = {(extract_dir() / "data" / (std::string(table) + ".parquet")).string()};
    const auto sample = extracts::read_sample(request);
    const auto depth =
        static_cast<std::size_t>(std::stoi(std::string(table).substr(table[0] == 'l' ? 5 : 7)));
    const std::string text = boost::json::serialize(sample.rows);
    EXPECT_EQ(std::count(text.begin(), text.end(), table[0] == 'l' ? '[' : '{'), depth + 1) << text;
  }
}

TEST_F(JsonFiles, WhereAValueStandsDecidesNothing) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"1", "1.5", "DOUBLE"},
      {"1.5", "9007199254740993", "VARCHAR"},
      {"\"2024-01-02T03:04:05\"", "\"2024-01-02T03:04:05+02:00\"", "VARCHAR"},
      {"\"2024-01-02\"", "\"infinity\"", "VARCHAR"},
      {"true", "1", "VARCHAR"},
      {"{\"x\":1}", "{\"x\":\"a\",\"y\":[2]}", "STRUCT(x JSON, y BIGINT[])"},
      {"[1]", "{}", "JSON"},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const auto& [value, other, type] = cases[i];
    std::string lines;
    for (int k = 0; k < 5'000; ++k) lines += fmt::format("{{\"c\":{}}}\n", value);
    put(fmt::format("late{}.jsonl", i), lines + fmt::format("{{\"c\":{}}}\n", other));
  }
  EXPECT_EQ(messages(run()), "");
  for (std::size_t i = 0; i < std::size(cases); ++i)
    EXPECT_EQ(types(fmt::format("late{}", i)), fmt::format("c {}", std::get<2>(cases[i])));
}

}  // namespace
}  // namespace agnes::connectors::files
