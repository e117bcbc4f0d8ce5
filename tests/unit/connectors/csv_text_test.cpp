// CSV files that DuckDB's reader does not take as they are: line ends, encodings, lengths, and what is told of the rest.
#include "connectors/files/csv_text.h"

#include "connectors/files_fixture.h"

namespace agnes::connectors::files {
namespace {

std::string utf16(std::u16string_view text, bool big, bool mark) {
  std::string out;
  const auto unit = [&](char16_t c) {
    const char high = static_cast<char>(c >> 8), low = static_cast<char>(c & 0xff);
    out += big ? high : low;
    out += big ? low : high;
  };
  if (mark) unit(0xfeff);
  for (const char16_t c : text) unit(c);
  return out;
}

class CsvTexts : public Files {
 protected:
  struct Case {
    std::string content, encoding, types, rows;
  };
  void check(const std::vector<Case>& cases) {
    for (std::size_t i = 0; i < cases.size(); ++i) put(fmt::format("t{}.csv", i), cases[i].content);
    EXPECT_EQ(messages(run([&](Job& job) {
                for (std::size_t i = 0; i < cases.size(); ++i) {
                  TableSpec spec;
                  spec.name = fmt::format("t{}", i);
                  if (!cases[i].encoding.empty()) spec.encoding = cases[i].encoding;
                  job.tables.push_back(spec);
                }
              })),
              "");
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_EQ(types(fmt::format("t{}", i)), cases[i].types) << i;
      EXPECT_EQ(rows(fmt::format("t{}", i)), cases[i].rows) << i;
    }
  }
};

TEST_F(CsvTexts, AnyLineEndEndsALine) {
  check({
      {"a,b\r\n5,6\r\n7,8\n", "", "a BIGINT, b BIGINT", "5|6;7|8"},
      {"a,b\n5,6\r\n7,8\n", "", "a BIGINT, b BIGINT", "5|6;7|8"},
      {"a,b\r5,6\r7,8", "", "a BIGINT, b BIGINT", "5|6;7|8"},
      {"a,b\n5,x\ry\n6,z\n", "", "a BIGINT, b VARCHAR", "5|x\ry;6|z"},
      {"a,b\r\n5,x\ry\r\n6,z\r\n", "", "a BIGINT, b VARCHAR", "5|x\ry;6|z"},
      {"a,b\n5,\"x\r\ny\"\r\n6,\"z\rq\n\"\n", "", "a BIGINT, b VARCHAR", "5|x\r\ny;6|z\rq\n"},
      {"a,b\r\n5,6\r\n\n7,8", "", "a BIGINT, b BIGINT", "5|6;7|8"},
      // DuckDB's reader finds no row in these.
      {"sep=,\r\na,b\n5,6\n7,8\n", "", "a BIGINT, b BIGINT", "5|6;7|8"},
      {"\n\r\na,b\r\n5,6\r\n", "", "a BIGINT, b BIGINT", "5|6"},
      {"\"a\r\nx\",b\n5,6\n7,8\n", "", "a\r\nx BIGINT, b BIGINT", "5|6;7|8"},
  });
}

TEST_F(CsvTexts, ASpaceMayBeTheDelimiter) {
  put("s.csv", "a b c\n\"x \" \"y\" 1\n  2\n");
  EXPECT_EQ(messages(run([](Job& job) {
              TableSpec spec;
              spec.name = "s";
              spec.delimiter = " ";
              spec.encoding = "cp1252";
              job.tables = {spec};
            })),
            "");
  EXPECT_EQ(rows("s"), "x |y|1;-|-|2");
}

TEST_F(CsvTexts, SpacesAroundQuotesAreReadInOneWay) {
  const std::string content = "a,b\n \"x,y\"  ,1\n  \"z\" ,2\n", read = "x,y|1;  \"z\" |2";
  check({{content, "", "a VARCHAR, b BIGINT", read}, {content, "latin-1", "a VARCHAR, b BIGINT", read}});
}

TEST_F(CsvTexts, EncodingsBecomeUtf8) {
  const std::u16string text = u"n\u00e1zev;v\n\u017elu\u0165;1\n\U0001F600;2\n";
  const std::string types = "n\u00e1zev VARCHAR, v BIGINT", rows = "\u017elu\u0165|1;\U0001F600|2";
  check({
      {utf16(text, true, true), "", types, rows},
      {utf16(text, false, true), "", types, rows},
      {utf16(text, true, true), "utf-16", types, rows},
      {utf16(text, false, false), "utf-16", types, rows},
      {utf16(text, true, false), "UTF-16BE", types, rows},
      {"a\n\x80 5 \x93x\x94\n", "cp1252", "a VARCHAR", "\u20ac 5 \u201cx\u201d"},
      {"a\n\xe9t\xe9\n", "ISO-8859-1", "a VARCHAR", "\u00e9t\u00e9"},
      {"\xef\xbb\xbf\n\na,b\n1,2\n", "", "a BIGINT, b BIGINT", "1|2"},
      {"\xef\xbb\xbf\"a\",b\r\n1,2\r\n", "", "a BIGINT, b BIGINT", "1|2"},
      {"\xef\xbb\xbf\xef\xbb\xbf\xef\xbb\xbf"
       "a,b\n1,2\n",
       "", "a BIGINT, b BIGINT", "1|2"},
      {"\xef\xbb\xbf\xef\xbb\xbf"
       "1,2\n3,4\n",
       "", "column0 BIGINT, column1 BIGINT", "1|2;3|4"},
  });
}

TEST_F(CsvTexts, WhatStandsInQuotesIsNoRowHoweverLargeTheFileIs) {
  // Every cut of the file lands in quotes, where all lines look like rows.
  const auto content_with = [](std::string_view quotes) {
    std::string out = "id,note\n", value;
    for (int i = 0; i < 40'000; ++i) value += fmt::format("{0},{1}x{0}{1}\n", i, quotes);
    for (int i = 0; i < 30; ++i) out += fmt::format("{},\"{}\"\n", i, value);
    return out;
  };
  const std::string content = content_with("\"\"");
  ASSERT_GT(content.size(), 16u << 20);
  put("big.csv", content);
  put("fake.csv", content_with("\""));
  put("plain.csv", content_with(""));
  const Outcome outcome = run();
  EXPECT_EQ(result(outcome, "plain").rows, 30) << messages(outcome);
  EXPECT_EQ(result(outcome, "big").rows, 30) << messages(outcome);
  EXPECT_EQ(result(outcome, "big").columns.at(0).type, "BIGINT");
  EXPECT_EQ(result(outcome, "fake").status, "failed") << "a quote in quotes that is not doubled";
  EXPECT_EQ(result(outcome, "fake").line, 2);
}

TEST_F(CsvTexts, LinesAreLongUpToABound) {
  const std::string long_value(5 << 20, 'x');
  put("long.csv", "a,b\n1,y\n2," + long_value + "\n3,\"" + long_value + "\"\n");
  put("longer.csv", "a,b\n1,y\n2," + std::string(kMaxRecordBytes, 'x') + "\n");
  put("open.csv", "a,b\n1,y\n2,\"" + std::string(kMaxRecordBytes + 2 * long_value.size(), 'x') + "\"\n");
  const Outcome outcome = run();
  EXPECT_EQ(result(outcome, "long").rows, 3) << messages(outcome);
  EXPECT_EQ(result(outcome, "longer").error, "longer.csv line 3 is longer than 16 MB");
  EXPECT_EQ(result(outcome, "open").error,
            "open.csv line 3 has a quoted value that does not end within 16 MB");
}

TEST_F(CsvTexts, WhatIsWrongIsNamedByItsLine) {
  struct Wrong {
    std::string content, encoding, said;
  };
  std::string late = "a,b\n\"x\ny\",1\n";
  for (int i = 0; i < 30'000; ++i) late += "\n\"p\r\nq\",2\n";
  const std::vector<Wrong> cases = {
      {"a,b\n5,6\n7,8,,,\n", "", "line 3 has 5 values where the header has 2"},
      {"a,b,c\r\n\r\n5,\"6\n\",7\r\n8,9\r\n", "", "line 5 has 2 values where the header has 3"},
      {late + "z\n", "", "line 90004 has 1 values where the header has 2"},
      {late + "z,\"q\n", "", "line 90004 has a quoted value that does not end"},
      {late + "z,\"q\"r\n", "", "line 90004 has text after the end of a quoted value"},
      {late + "\"z\n\xff\",5\n", "", "line 90005 is not UTF-8"},
      {"a,b\r5,6\r7,8,9\r", "", "line 3 has 3 values where the header has 2"},
      {"a\n\x81\n", "cp1252", "line 2 has a character that cp1252 does not have"},
      {"a\n\x80 5\n", "latin-1", "line 2 has a character that latin-1 does not have"},
      {utf16(u"a,b\n5,6\n7\n", true, true), "", "line 3 has 1 values where the header has 2"},
      {utf16(u"a\nb\xd800\n", false, true), "", "line 2 has a character that utf-16le does not have"},
      {"Sales of May\n\na,b\n5,6\n", "",
       "line 3 has 2 values where the header has 1; if the header is not line 1, set skip to the number of "
       "lines before "
       "it"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) put(fmt::format("t{}.csv", i), cases[i].content);
  const Outcome outcome = run([&](Job& job) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      TableSpec spec;
      spec.name = fmt::format("t{}", i);
      if (!cases[i].encoding.empty()) spec.encoding = cases[i].encoding;
      job.tables.push_back(spec);
    }
  });
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& error = result(outcome, fmt::format("t{}", i)).error;
    EXPECT_TRUE(error.starts_with(fmt::format("t{}.csv {}", i, cases[i].said))) << error << "\n"
                                                                                << cases[i].said;
  }
}

TEST_F(CsvTexts, CompressedFilesAreMendedTheSameWay) {
  for (const auto& [packing, ending] : {std::pair{"gzip", ".gz"}, {"zstd", ".ZST"}}) {
    // DuckDB packs a text that it writes as one value without quotes.
    copy_to(
        fmt::format("{}.csv{}", packing, ending),
        "SELECT 'a,b' || chr(13) || chr(10) || '5,x' || chr(13) || 'y'",
        fmt::format("FORMAT csv, HEADER false, QUOTE '', DELIMITER '|', ESCAPE '', COMPRESSION {}", packing));
  }
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(rows("gzip"), "5|x\ry");
  EXPECT_EQ(rows("zstd"), "5|x\ry");
}

TEST_F(CsvTexts, AFolderMayNotSayWhatAColumnSays) {
  put("t/id=5/a.csv", "id,v\n1,1\n");
  put("u/ID=5/year=2024/a.csv", "v,Id\n1,1\n");
  put("w/day=1/a.csv", "\n\nid,v\n1,1\n");
  put("w/day=2/a.csv", "id,v\n2,x\ry\n");
  const Outcome outcome = run();
  EXPECT_EQ(
      result(outcome, "t").error,
      "t/id=5/a.csv has the column 'id', and its folder 'id=...' gives another of that name: rename one "
      "of them");
  EXPECT_EQ(result(outcome, "u").status, "failed");
  EXPECT_EQ(rows("w"), "1|1|1;2|x\ry|2");
}

}  // namespace
}  // namespace agnes::connectors::files
