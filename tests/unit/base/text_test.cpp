#include "lib/base/text.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes {
namespace {

TEST(Text, SplitsJoinsAndTrims) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(to_lower("ABC\xc3\x89"), "abc\xc3\x89");
  EXPECT_TRUE(iequals("Content-Type", "content-type"));
  EXPECT_FALSE(iequals("a", "ab"));
}

TEST(Text, ReadsWholeNumbersOnly) {
  EXPECT_EQ(parse_int("-12"), -12);
  EXPECT_EQ(parse_int("9223372036854775807"), 9223372036854775807);
  for (const char* bad : {"", " 1", "1 ", "1x", "0x1", "1.0", "9223372036854775808", "--1", "+1"})
    EXPECT_EQ(parse_int(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_double("1.5e3"), 1500.0);
  for (const char* bad : {"", "1,5", "x", "1.5 "}) EXPECT_EQ(parse_double(bad), std::nullopt) << bad;
}

TEST(Text, KnowsUtf8) {
  for (const char* good : {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\xff", "\xc3", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80",
                          "\xf8\x88\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(bad)) << escape_control(bad);
}

TEST(Text, MakesControlCharactersVisible) {
  EXPECT_EQ(escape_control("a\n\r\t\x1b[0m\x7f"), "a\\n\\r\\t\\x1b[0m\\x7f");
  EXPECT_EQ(escape_control("\u0085\u009b2J\u2028x\u2029"), "\\u0085\\u009b2J\\u2028x\\u2029");
  EXPECT_EQ(escape_control("\u00a0é\u2027\xc2"), "\u00a0é\u2027\xc2");
  EXPECT_EQ(escape_control("a\u202egnp.exe\u202c \u2066x\u2069 \u200f\u061c"),
            "a\\u202egnp.exe\\u202c \\u2066x\\u2069 \\u200f\\u061c");
}

TEST(Text, KnowsSafeNames) {
  for (const char* good : {"a", "_x", "Orders2", "a_b"}) EXPECT_TRUE(is_identifier(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("1a"), std::string("a-b"), std::string("a.b"), std::string("a b"),
        std::string("\xc3\xa9"), std::string("a\0", 2), std::string(65, 'a')})
    EXPECT_FALSE(is_identifier(bad)) << bad;
  for (const char* good : {"in.c-crm.orders", "a", "1a"}) EXPECT_TRUE(is_table_id(good)) << good;
  for (const std::string& bad : {std::string(), std::string(".a"), std::string("-a"), std::string("a..b"),
                                 std::string("a/b"), std::string("../a"), std::string(129, 'a')})
    EXPECT_FALSE(is_table_id(bad)) << bad;
}

TEST(Text, WritesNumbersForPeople) {
  EXPECT_EQ(human_bytes(1536), "1.5 KB");
  EXPECT_EQ(with_thousands(1234567), "1,234,567");
  EXPECT_EQ(with_thousands(-999), "-999");
  EXPECT_EQ(with_thousands(0), "0");
}

TEST(Error, HasOneStatusAKind) {
  for (int status :
       {400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413, 422, 429, 500, 501, 502, 503, 504, 507})
    EXPECT_EQ(http_status(error_kind(status)), status);
  EXPECT_EQ(error_kind(418), ErrorKind::internal);
  EXPECT_EQ(system_error("cannot write x", 28).kind(), ErrorKind::insufficient_storage);
  EXPECT_STREQ(system_error("cannot write x", 28).what(), "cannot write x: No space left on device");
}

TEST(Text, EditDistance) {
  const auto both_ways = [](std::string_view a, std::string_view b) {
    EXPECT_EQ(edit_distance(a, b), edit_distance(b, a));
    return edit_distance(a, b);
  };
  EXPECT_EQ(both_ways("", ""), 0u);
  EXPECT_EQ(both_ways("catalog", "catalog"), 0u);
  EXPECT_EQ(both_ways("", "pull"), 4u);
  EXPECT_EQ(both_ways("pul", "pull"), 1u);
  EXPECT_EQ(both_ways("quary", "query"), 1u);
  EXPECT_EQ(both_ways("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace agnes
