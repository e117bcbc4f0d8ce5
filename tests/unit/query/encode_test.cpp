#include "core/query/encode.h"

#include "fixture.h"

namespace agnes::query {
namespace {

struct Form {
  const char* sql;
  const char* json;
};

TEST(Encode, ValuesOfEveryType) {
  const Form forms[] = {
      {"true", "true"},
      {"NULL", "null"},
      {"1::TINYINT", "1"},
      {"(-128)::TINYINT", "-128"},
      {"255::UTINYINT", "255"},
      {"(-32768)::SMALLINT", "-32768"},
      {"65535::USMALLINT", "65535"},
      {"4294967295::UINTEGER", "4294967295"},
      {"9223372036854775807", "9223372036854775807"},
      {"(-9223372036854775808)::BIGINT", "-9223372036854775808"},
      {"18446744073709551615::UBIGINT", "18446744073709551615"},
      {"170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"},
      {"(-170141183460469231731687303715884105728)::HUGEINT", "-170141183460469231731687303715884105728"},
      {"340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"},
      {"1.50::DECIMAL(10,2)", "\"1.50\""},
      {"(-0.05)::DECIMAL(4,2)", "\"-0.05\""},
      {"0::DECIMAL(4,0)", "\"0\""},
      {"1.5::DECIMAL(18,3)", "\"1.500\""},
      {"12345678901234567890123.456::DECIMAL(38,3)", "\"12345678901234567890123.456\""},
      {"(-12345678901234567890123.456)::DECIMAL(38,3)", "\"-12345678901234567890123.456\""},
      {"0.5::FLOAT", "0.5"},
      {"0.1::FLOAT", "0.1"},
      {"1e300::DOUBLE", "1e+300"},
      {"0::DOUBLE", "0.0"},
      {"'-0.0'::DOUBLE", "-0.0"},
      {"100000::DOUBLE", "100000.0"},
      {"33924.0::DOUBLE", "33924.0"},
      {"0.0001::DOUBLE", "0.0001"},
      {"0.00001::DOUBLE", "1e-05"},
      {"0.1::DOUBLE + 0.2::DOUBLE", "0.30000000000000004"},
      {"1/0", "null"},
      {"'inf'::DOUBLE", "null"},
      {"'-inf'::FLOAT", "null"},
      {"'nan'::DOUBLE", "null"},
      {"'ž \"q\" \\ / ' || chr(10) || chr(9) || chr(13) || chr(1) || chr(127)",
       "\"ž \\\"q\\\" \\\\ / \\n\\t\\r\\u0001\x7f\""},
      {"''", "\"\""},
      {"repeat('x', 13)", "\"xxxxxxxxxxxxx\""},
      {"'a' || chr(0) || 'b'", "\"a\\u0000b\""},
      {"DATE '2026-01-02'", "\"2026-01-02\""},
      {"DATE '0001-01-01'", "\"0001-01-01\""},
      {"DATE '0044-03-15 (BC)'", "\"0044-03-15 (BC)\""},
      {"DATE '12345-06-07'", "\"12345-06-07\""},
      {"DATE '1969-12-31'", "\"1969-12-31\""},
      {"DATE '2024-02-29'", "\"2024-02-29\""},
      {"'infinity'::DATE", "\"infinity\""},
      {"'-infinity'::DATE", "\"-infinity\""},
      {"TIMESTAMP '2026-01-02 03:04:05'", "\"2026-01-02 03:04:05\""},
      {"TIMESTAMP '2026-01-02 03:04:05.678901'", "\"2026-01-02 03:04:05.678901\""},
      {"TIMESTAMP '2026-01-02 03:04:05.5'", "\"2026-01-02 03:04:05.500000\""},
      {"TIMESTAMP '1969-12-31 23:59:59.999999'", "\"1969-12-31 23:59:59.999999\""},
      {"'infinity'::TIMESTAMP", "\"infinity\""},
      {"TIMESTAMP_S '2026-01-02 03:04:05'", "\"2026-01-02 03:04:05\""},
      {"TIMESTAMP_MS '2026-01-02 03:04:05.120'", "\"2026-01-02 03:04:05.120000\""},
      {"TIMESTAMP_NS '2026-01-02 03:04:05.123456789'", "\"2026-01-02 03:04:05.123456789\""},
      {"TIMESTAMP_NS '2026-01-02 03:04:05.123456'", "\"2026-01-02 03:04:05.123456\""},
      {"TIMESTAMPTZ '2026-01-02 03:04:05+02'", "\"2026-01-02 01:04:05+00:00\""},
      {"'infinity'::TIMESTAMPTZ", "\"infinity\""},
      {"TIME '03:04:05'", "\"03:04:05\""},
      {"TIME '23:59:59.000001'", "\"23:59:59.000001\""},
      {"TIMETZ '03:04:05+02'", "\"03:04:05+02:00\""},
      {"TIMETZ '03:04:05.5-09:30'", "\"03:04:05.500000-09:30\""},
      {"INTERVAL 3 DAY", "\"3 days\""},
      {"INTERVAL 90 MINUTE", "\"01:30:00\""},
      {"INTERVAL 1 MONTH", "\"1 month\""},
      {"'AB'::BLOB", "\"AB\""},
      {"'\\x00\\xFF\"'::BLOB", "\"\\\\x00\\\\xFF\\\\x22\""},
      {"'0123e456-e89b-12d3-a456-426614174000'::UUID", "\"0123e456-e89b-12d3-a456-426614174000\""},
      {"'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID", "\"ffffffff-ffff-ffff-ffff-ffffffffffff\""},
      {"'101'::BIT", "\"101\""},
      {"'0101010101'::BIT", "\"0101010101\""},
      {"'a'::ENUM('a','b\"')", "\"a\""},
      {"'b\"'::ENUM('a','b\"')", "\"b\\\"\""},
      {"'{\"a\": [1]}'::JSON", "\"{\\\"a\\\": [1]}\""},
      {"[1,2,NULL]", "[1,2,null]"},
      {"[]", "[]"},
      {"[['a'],[],NULL]", "[[\"a\"],[],null]"},
      {"[DATE '2026-01-02']", "[\"2026-01-02\"]"},
      {"[1.50::DECIMAL(4,2)]", "[\"1.50\"]"},
      {"[1,2]::INTEGER[2]", "[1,2]"},
      {"[[1,2],[3,4]]::INTEGER[2][2]", "[[1,2],[3,4]]"},
      {"{'a': 1, 'b': 'x', 'c': NULL}", "{\"a\":1,\"b\":\"x\",\"c\":null}"},
      {"{'q\"': {'x': [1]}}", "{\"q\\\"\":{\"x\":[1]}}"},
      {"row(1,'x')", "[1,\"x\"]"},
      {"MAP {'k': 1}", "{\"k\":1}"},
      {"MAP {1: 'a', 2: NULL}", "{\"1\":\"a\",\"2\":null}"},
      {"MAP {DATE '2026-01-02': [1]}", "{\"2026-01-02\":[1]}"},
      {"MAP {[1]: 2}", "{\"[1]\":2}"},
      {"MAP {}", "{}"},
      {"MAP {'inf'::DOUBLE: 1, '-inf'::DOUBLE: 2, 'nan'::DOUBLE: 3}", "{\"inf\":1,\"-inf\":2,\"nan\":3}"},
      {"1::UNION(num INT, str VARCHAR)", "1"},
      {"'x'::UNION(num INT, str VARCHAR)", "\"x\""},
      {"[1::UNION(num INT, str VARCHAR), 'x']", "[1,\"x\"]"},
      {"'POINT(1 2)'::GEOMETRY", "\"POINT (1 2)\""},
      {"['POINT(1 2)'::GEOMETRY]", "\"['POINT (1 2)']\""},
      {"42::VARIANT", "\"42\""},
      {"'123456789012345678901234567890123456789012345678901234567890'::BIGNUM",
       "\"123456789012345678901234567890123456789012345678901234567890\""},
      // What list functions leave: dictionaries and slices inside.
      {"[1,2,3,4][2:3]", "[2,3]"},
      {"list_sort(['b','a',NULL])", "[\"a\",\"b\",null]"},
      {"list_filter([{'a':1},{'a':2}], x -> x.a > 1)", "[{\"a\":2}]"},
      {"list_reverse([[1],[2]])", "[[2],[1]]"},
      {"map_from_entries([(1,'a'),(2,'b')])", "{\"1\":\"a\",\"2\":\"b\"}"},
  };
  for (const auto& form : forms)
    EXPECT_EQ(rows(fmt::format("SELECT {} AS v", form.sql)), fmt::format("[[{}]]", form.json)) << form.sql;
}

// Over vectors of columns, where values are constant, filtered or from a dictionary.
TEST(Encode, NestedValuesOfManyRows) {
  EXPECT_EQ(rows("SELECT [i, i + 1][2:], {'k': [i]}, MAP {i: i % 2 = 0}, CASE WHEN i % 2 = 0 THEN i END, "
                 "[i]::INT[1] "
                 "FROM range(10) r(i) WHERE i > 7"),
            "[[[9],{\"k\":[8]},{\"8\":true},8,[8]],[[10],{\"k\":[9]},{\"9\":false},null,[9]]]");
  EXPECT_EQ(rows("SELECT list(currency ORDER BY id), any_value([customer_id, currency]) FROM orders WHERE id "
                 "< 2 AND currency = 'EUR'"),
            "[[[\"EUR\"],[\"c0\",\"EUR\"]]]");
  EXPECT_EQ(rows("SELECT list_slice(list(name ORDER BY name), 99, 100) FROM customers"),
            "[[[\"Name 98\",\"Name 99\"]]]");
}

// DuckDB's own text is the reference where the answer promises it.
TEST(Encode, IntervalsAndBlobsAsDuckDBWritesThem) {
  for (const auto* value :
       {"INTERVAL '0' DAY", "INTERVAL '-1' MONTH",
        "INTERVAL '1' YEAR + INTERVAL '14' MONTH - INTERVAL '3' DAY", "INTERVAL '1' HOUR - INTERVAL '1' DAY",
        "INTERVAL '-90' MINUTE", "INTERVAL '1.5' SECOND", "'-00:00:00.000001'::INTERVAL",
        "INTERVAL '200' HOUR", "INTERVAL '-25' MONTH + INTERVAL '1' DAY + INTERVAL '1' MICROSECOND",
        "'\\x00 ~\\x7F\\x80ab''\"\\x5C'::BLOB", "''::BLOB", "DATE '9999-12-31'", "DATE '-0001-01-01'",
        "'1100110011'::BIT", "uuid()"}) {
    const auto both =
        rows(fmt::format("WITH v AS MATERIALIZED (SELECT {} AS v) SELECT v, v::VARCHAR FROM v", value));
    const auto middle = both.size() / 2;
    EXPECT_EQ(both.substr(2, middle - 2), both.substr(middle + 1, both.size() - middle - 3)) << both;
  }
}

TEST(Encode, TheAnswerAroundTheRows) {
  EXPECT_EQ(answer("SELECT 1 AS a, 2 AS a, 1+1, 'ž' AS \"ž \"\"ů\", count(*) FROM customers WHERE country = "
                   "'nowhere'"),
            "{\"columns\":[\"a\",\"a\",\"(1 + 1)\",\"ž "
            "\\\"ů\",\"count_star()\"],\"rows\":[[1,2,2,\"ž\",0]],\"row_count\":1,"
            "\"truncated\":false}");
  EXPECT_EQ(answer("SELECT id FROM orders ORDER BY id", 3),
            "{\"columns\":[\"id\"],\"rows\":[[0],[1],[2]],\"row_count\":3,\"truncated\":true}");
  EXPECT_EQ(answer("SELECT 1 AS x FROM stock", 5),
            "{\"columns\":[\"x\"],\"rows\":[[1],[1],[1],[1],[1]],\"row_count\":5,\"truncated\":false}");
  EXPECT_EQ(answer("SELECT id FROM orders", 0),
            "{\"columns\":[\"id\"],\"rows\":[],\"row_count\":0,\"truncated\":true}");
  EXPECT_EQ(answer("SELECT id FROM orders WHERE id < 0", 0),
            "{\"columns\":[\"id\"],\"rows\":[],\"row_count\":0,\"truncated\":false}");
  EXPECT_NE(answer("SELECT 1 FROM orders").find("\"row_count\":1000,\"truncated\":true"), std::string::npos);
  EXPECT_NE(answer("SELECT 1 FROM orders", 2000).find("\"row_count\":2000,\"truncated\":false"),
            std::string::npos);
  EXPECT_NE(answer("SELECT 1 FROM range(5000)", 2048).find("\"row_count\":2048,\"truncated\":true"),
            std::string::npos);
}

}  // namespace
}  // namespace agnes::query
