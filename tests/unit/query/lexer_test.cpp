#include "core/query/lexer.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::query {
namespace {

std::string shown(std::string_view sql) {
  std::string out;
  for (const auto& token : tokenize(sql))
    out += (out.empty() ? "" : "|") + std::string(1, "wqtns"[static_cast<int>(token.kind)]) +
           std::string(sql.substr(token.begin, token.end - token.begin));
  return out;
}

TEST(Lexer, Tokens) {
  EXPECT_EQ(shown("SELECT a.b, 'x''y' FROM \"t\"\"u\""), "wSELECT|wa|s.|wb|s,|t'x''y'|wFROM|q\"t\"\"u\"");
  EXPECT_EQ(shown("1e5+x1 -- c\n2 /* a /* b */ c */ 3"), "n1e5|s+|wx1|n2|n3");
  EXPECT_EQ(shown("E'a\\'b' e'\\\\' x'AB'"), "tE'a\\'b'|te'\\\\'|wx|t'AB'");
  EXPECT_EQ(shown("$$a'b$$ $t$a$$b$t$ $1 a$$b"), "t$$a'b$$|t$t$a$$b$t$|s$|n1|wa$$b");
  EXPECT_EQ(shown("'open"), "t'open");
  EXPECT_EQ(shown("\"open"), "q\"open");
  EXPECT_EQ(shown("/* open"), "");
  EXPECT_EQ(shown("$$open"), "t$$open");
  EXPECT_EQ(shown("-- only"), "");
  EXPECT_EQ(shown("1 -- c\r+1 -- d\r\n2"), "n1|s+|n1|n2");  // DuckDB's comment ends there too
  EXPECT_EQ(shown("a\xc2\xa0"
                  "b\xe3\x80\x80"),
            "wa|wb");
  EXPECT_EQ(shown("žluťoučký"), "wžluťoučký");
}

ErrorKind kind_of(const std::string& sql) {
  try {
    check_text(sql);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;  // none: taken
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Lexer, Limits) {
  EXPECT_EQ(kind_of("SELECT " + repeated("(", 200) + "1" + repeated(")", 200)), ErrorKind::internal);
  EXPECT_EQ(kind_of("SELECT " + repeated("(", 201)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT " + repeated("[", 100000)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT -- c\r" + repeated("(", 100000)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT " + repeated("() ", 100000)), ErrorKind::internal);
  EXPECT_EQ(kind_of("SELECT '" + repeated("(", 1000) + "'"), ErrorKind::internal);
  EXPECT_EQ(kind_of("SELECT 1 WHERE " + repeated("a OR ", 5001)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT 1 WHERE " + repeated("a and ", 5001)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT '" + repeated("a and ", 5001) + "'"), ErrorKind::internal);
  EXPECT_EQ(kind_of("SELECT x" + repeated(".a", 50000)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT x" + repeated(" . \"a\"", 65)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT x" + repeated(".a", 64)), ErrorKind::internal);
  EXPECT_EQ(kind_of("SELECT " + repeated("a.b, ", 1000)), ErrorKind::internal);
  EXPECT_EQ(kind_of(std::string(1'000'001, ' ')), ErrorKind::too_large);
  EXPECT_EQ(kind_of(std::string("SELECT 1\0", 9)), ErrorKind::bad_request);
  EXPECT_EQ(kind_of("SELECT '\xff'"), ErrorKind::bad_request);
}

TEST(Lexer, Positions) {
  EXPECT_EQ(describe_position("abc", 0), "line 1, column 1");
  EXPECT_EQ(describe_position("a\nžb", 4), "line 2, column 2");
  EXPECT_EQ(describe_position("a", 99), "line 1, column 2");
}

}  // namespace
}  // namespace agnes::query
