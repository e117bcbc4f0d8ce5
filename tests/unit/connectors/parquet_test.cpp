// Parquet files: every value as it is written, or the file, the column and the cause.
#include "connectors/files_fixture.h"
#include "connectors/parquet_bytes.h"

namespace agnes::connectors::files {
namespace {

constexpr std::int64_t kNoon = 43'200'000'000'000, kInstant = 1'700'000'000'123'456'000;
constexpr std::int32_t kDay = 2'440'588;  // 1970-01-01

class Parquet : public Files {
 protected:
  void expect_refused(const std::string& table, const std::vector<std::string>& said) {
    const Outcome outcome = run();
    const auto& found = result(outcome, table);
    EXPECT_EQ(found.status, "failed") << table;
    for (const auto& part : said) EXPECT_NE(found.error.find(part), std::string::npos) << found.error;
    EXPECT_EQ(found.error.find(root().string()), std::string::npos) << found.error;
  }
};

TEST_F(Parquet, DecimalsWithMoreDigitsThanDuckDbHasAreRefusedByName) {
  put("a.parquet",
      ParquetBytes(1).leaf("wide", kFixed, std::string(20, '\1'), decimal_type(39, 2), 20).bytes());
  put("b.parquet",
      ParquetBytes(1).leaf("wide", kFixed, std::string(16, '\0'), decimal_type(38, 2), 16).bytes());
  put("c.parquet", ParquetBytes(1)
                       .group("g", 1)
                       .leaf("wide", kByteArray, plain_texts({std::string(21, '\1')}), decimal_type(50, 2))
                       .bytes());
  expect_refused("a", {"a.parquet", "'wide'", "39 digits", "write it as text"});
  expect_refused("c", {"c.parquet", "'g.wide'", "50 digits"});
  EXPECT_EQ(rows("b"), "0.00");
}

TEST_F(Parquet, NanosecondsThatMicrosecondsHoldStayTimes) {
  put("t.parquet",
      ParquetBytes(2)
          .leaf("spark", kInt96, plain_int96(kNoon + 1000, kDay) + plain_int96(0, kDay + 2'932'896))
          .leaf("utc", kInt64, plain<std::int64_t>({kInstant, -1000}), timestamp_type(true, kNanos))
          .leaf("plain", kInt64, plain<std::int64_t>({kInstant + 789, -1}), timestamp_type(false, kNanos))
          .leaf("time", kInt64, plain<std::int64_t>({kNoon, 1000}), time_type(kNanos))
          .bytes());
  ASSERT_EQ(messages(run()), "");
  EXPECT_EQ(types("t"), "spark TIMESTAMP, utc TIMESTAMP WITH TIME ZONE, plain TIMESTAMP_NS, time TIME_NS");
  EXPECT_EQ(
      rows("t"),
      "1970-01-01 12:00:00.000001|2023-11-14 22:13:20.123456+00|2023-11-14 22:13:20.123456789|12:00:00;"
      "9999-12-31 00:00:00|1969-12-31 23:59:59.999999+00|1969-12-31 23:59:59.999999999|00:00:00.000001");
}

TEST_F(Parquet, NanosecondsThatMicrosecondsDoNotHoldKeepTheirDigits) {
  const auto file = [](std::int64_t more) {
    return ParquetBytes(2)
        .leaf("spark", kInt96, plain_int96(kNoon + more, kDay) + plain_int96(1000, kDay - 1))
        .leaf("exact", kInt64, plain<std::int64_t>({kInstant, 0}), timestamp_type(true, kNanos))
        .leaf("utc", kInt64, plain<std::int64_t>({kInstant + more, -more}), timestamp_type(true, kNanos))
        .leaf("time", kInt64, plain<std::int64_t>({kNoon + more, 1000}), time_type(kNanos))
        .bytes();
  };
  put("t.parquet", file(789));
  // One file decides for all of a folder.
  put("all/day=2024-01-02/a.parquet", file(0));
  put("all/day=2024-01-03/b.parquet", file(1));
  ASSERT_EQ(messages(run()), "");
  const std::string all = "spark TIMESTAMP_NS, exact TIMESTAMP WITH TIME ZONE, utc VARCHAR, time TIME_NS";
  EXPECT_EQ(types("t"), all);
  EXPECT_EQ(types("all"), all + ", day DATE");
  EXPECT_EQ(rows("t"),
            "1970-01-01 12:00:00.000000789|2023-11-14 22:13:20.123456+00|2023-11-14 22:13:20.123456789+00:00|"
            "12:00:00.000000789;1969-12-31 00:00:00.000001|1970-01-01 00:00:00+00|"
            "1969-12-31 23:59:59.999999211+00:00|00:00:00.000001");
  EXPECT_EQ(rows("all").substr(0, 19), "1970-01-01 12:00:00");
  EXPECT_NE(rows("all").find("12:00:00.000000001|2024-01-03"), std::string::npos) << rows("all");
  EXPECT_TRUE(fs::is_empty(root() / "spill")) << "what was copied is removed";
}

TEST_F(Parquet, TimesThatDuckDbDoesNotHaveAreRefusedByName) {
  put("far.parquet", ParquetBytes(1).leaf("t", kInt96, plain_int96(7, kDay + 2'932'896)).bytes());
  put("farther.parquet", ParquetBytes(1).leaf("t", kInt96, plain_int96(0, 2'000'000'000)).bytes());
  put("nested.parquet", ParquetBytes(1)
                            .group("g", 2)
                            .leaf("n", kInt32, plain<std::int32_t>({1}))
                            .leaf("t", kInt64, plain<std::int64_t>({1}), timestamp_type(true, kNanos))
                            .bytes());
  put("fine.parquet", ParquetBytes(1)
                          .group("g", 2)
                          .leaf("n", kInt64, plain<std::int64_t>({1}))
                          .leaf("t", kInt64, plain<std::int64_t>({1000}), timestamp_type(true, kNanos))
                          .bytes());
  expect_refused("far", {"far.parquet", "'t'", "to the nanosecond", "microseconds, or as text"});
  expect_refused("farther", {"farther.parquet", "'t'"});
  expect_refused("nested", {"nested.parquet", "'g.t'", "to the nanosecond"});
  EXPECT_EQ(rows("fine"), "{'n': 1, 't': '1970-01-01 00:00:00.000001+00'}");
}

TEST_F(Parquet, TimesThatNoReaderShowsAreRefusedWithTheirRow) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(), day = 86'400'000'000'000;
  const auto times = [](std::vector<std::int64_t> values, Value type) {
    return ParquetBytes(static_cast<int>(values.size())).leaf("t", kInt64, plain(values), type).bytes();
  };
  put("ns.parquet", times({0, most}, timestamp_type(false, kNanos)));
  put("ns_min.parquet", times({0, -most}, timestamp_type(false, kNanos)));
  put("us_min.parquet", times({0, -most - 1}, timestamp_type(false, kMicros)));
  put("us_utc.parquet", times({0, -most - 1}, timestamp_type(true, kMicros)));
  put("ms_min.parquet", times({0, -most - 1}, timestamp_type(false, kMillis)));
  put("day.parquet", times({0, -1}, time_type(kMicros)));
  put("day_ns.parquet", times({0, day + 1}, time_type(kNanos)));
  put("utc.parquet", times({0, most}, timestamp_type(true, kNanos)));
  put("list.parquet",
      ParquetBytes(2)
          .group("a\"b", 1)
          .group("l", 1, kRequired, list_type())
          .leaf("array", kInt64, levels({0, 1, 0}) + levels({1, 1, 1}) + plain<std::int64_t>({1, 2, -1}),
                time_type(kMicros), 0, kRepeated, 3)
          .bytes());
  for (const char* table : {"ns", "ns_min", "us_min", "us_utc", "day", "day_ns"})
    expect_refused(table,
                   {fmt::format("{}.parquet row 2 has in column 't' a time that is not within a day", table),
                    "write NULL"});
  expect_refused("utc", {"utc.parquet", "'t'", "to the nanosecond"});
  expect_refused("ms_min",
                 {"ms_min.parquet has a timestamp that is too far from today to be read: write NULL"});
  expect_refused("list", {"list.parquet row 2 has in column 'a\"b' a time"});
  put("fine.parquet", times({0, most - 1, -9'223'286'400'000'000'000}, timestamp_type(false, kNanos)));
  put("never.parquet", times({most, -most}, timestamp_type(false, kMicros)));
  EXPECT_EQ(result(run(), "fine").error, "");
  EXPECT_EQ(rows("fine"), "1970-01-01 00:00:00;2262-04-11 23:47:16.854775806;1677-09-22 00:00:00");
  EXPECT_EQ(rows("never"), "infinity;-infinity") << "as DuckDB writes it";
}

TEST_F(Parquet, AMapWithAKeyTwiceIsRefused) {
  const auto map = [](const std::vector<std::string>& keys) {
    return ParquetBytes(1)
        .group("m", 1, kRequired, structure({{2, structure({})}}))
        .group("key_value", 2, kRepeated)
        .leaf("key", kByteArray, levels({0, 1}) + levels({1, 1}) + plain_texts(keys), text_type(), 0,
              kRequired, 2)
        .leaf("value", kInt64, levels({0, 1}) + levels({1, 1}) + plain<std::int64_t>({1, 2}), {}, 0,
              kRequired, 2)
        .bytes();
  };
  put("twice.parquet", map({"a", "a"}));
  put("once.parquet", map({"a", "b"}));
  expect_refused("twice",
                 {"twice.parquet row 1 has in column 'm' a map with one key twice", "write a list of pairs"});
  EXPECT_EQ(rows("once"), "{a=1, b=2}");
}

TEST_F(Parquet, WhatDuckDbCannotReadIsRefusedByColumnAndFeature) {
  const auto one = [] { return ParquetBytes(1).leaf("x", kInt64, plain<std::int64_t>({1})); };
  put("lz4.parquet", one().with_codec(5).bytes());
  put("lzo.parquet", one().with_codec(3).bytes());
  put("other.parquet", one().with_codec(32).bytes());
  put("split.parquet", one().with_encoding(9).bytes());
  put("real.parquet", ParquetBytes(1).leaf("x", kDouble, plain<double>({1.5})).with_encoding(9).bytes());
  put("column.parquet", one().with_encrypted_columns().bytes());
  std::string whole = one().bytes();
  whole.replace(whole.size() - 4, 4, "PARE");
  put("whole.parquet", whole);
  expect_refused("lz4", {"lz4.parquet has the column 'x' compressed with the LZ4 of Hadoop",
                         "write it with zstd or snappy"});
  expect_refused("lzo", {"'x' compressed with LZO"});
  expect_refused("other", {"'x' compressed with method 32"});
  expect_refused("split", {"split.parquet has the column 'x' in the encoding BYTE_STREAM_SPLIT",
                           "write it in another one"});
  expect_refused("column",
                 {"column.parquet has the column 'x', which is encrypted: write it without encryption"});
  expect_refused("whole", {"whole.parquet is encrypted: write it without encryption"});
  EXPECT_EQ(rows("real"), "1.5");
}

TEST_F(Parquet, ColumnsOfMoreThanTwelveLevelsAreRefusedBeforeDuckDbOpensThem) {
  const auto structs = [](int levels) {
    ParquetBytes out(1);
    for (int i = 0; i < levels; ++i) out.group("g", 1);
    return out.leaf("n", kInt32, plain<std::int32_t>({1})).bytes();
  };
  put("structs.parquet", structs(100));
  const auto lists = [](int levels) {
    return fmt::format("SELECT {}1{} AS c", std::string(levels, '['), std::string(levels, ']'));
  };
  copy_to("lists.parquet", lists(13), "FORMAT parquet");
  copy_to("fine.parquet", lists(12), "FORMAT parquet");
  const std::string map = "MAP {'k': MAP {'k': MAP {'k': [{'a': [{'a': [[{'a': [[1]]}]]}]}]}}}";
  copy_to("kinds.parquet", "SELECT " + map + " AS c", "FORMAT parquet");
  copy_to("deeper.parquet", "SELECT [[[[" + map + "]]]] AS c", "FORMAT parquet");
  const std::vector<std::string> said = {"more than 12 lists and maps in each other",
                                         "write it flatter, or as text"};
  for (const char* table : {"lists", "deeper"}) expect_refused(table, said);
  const Outcome outcome = run();
  for (const char* table : {"structs", "fine", "kinds"})
    EXPECT_EQ(result(outcome, table).status, "unchanged");
}

TEST_F(Parquet, ATypeOfMoreThanTwelveLevelsIsRefused) {
  put("c.csv", "a\n[]\n");
  put("j.json", "[{\"a\": []}]");
  copy_to("p.parquet", "SELECT [] AS a", "FORMAT parquet");
  std::string type = "BIGINT";
  for (int i = 0; i < 13; ++i) type += "[]";
  const Outcome outcome = run([&](Job& job) {
    for (const char* name : {"c", "j", "p"}) {
      auto& spec = job.tables.emplace_back();
      spec.name = name;
      spec.types = {{"a", type}};
    }
  });
  for (const char* table : {"c", "j", "p"})
    EXPECT_NE(result(outcome, table).error.find("has more than 12 lists and structs in each other; use JSON"),
              std::string::npos)
        << result(outcome, table).error;
}

// As fastparquet writes them: what is not there is a list of nothing.
TEST_F(Parquet, EmptyListsInAFooterNeedNoTypeOfTheirElements) {
  put("t.parquet", ParquetBytes(1).leaf("a", kInt32, plain<std::int32_t>({7})).with_empty_lists().bytes());
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(rows("t"), "7");
}

TEST_F(Parquet, VariantsWithoutTheirPartsAreBlamedAlone) {
  const std::string empty = plain_texts({std::string("\1\0\0", 3)}),
                    one = plain_texts({std::string("\x0c\1", 2)});
  put("good.parquet", ParquetBytes(1)
                          .group("v", 2, kRequired, variant_type())
                          .leaf("metadata", kByteArray, empty)
                          .leaf("value", kByteArray, one)
                          .bytes());
  put("only.parquet",
      ParquetBytes(1).group("v", 1, kRequired, variant_type()).leaf("metadata", kByteArray, empty).bytes());
  put("other.parquet", ParquetBytes(1)
                           .group("v", 2, kRequired, variant_type())
                           .leaf("metadata", kByteArray, empty)
                           .leaf("value", kInt32, plain<std::int32_t>({1}))
                           .bytes());
  put("deep.parquet", ParquetBytes(1)
                          .group("g", 1)
                          .group("v", 1, kRequired, variant_type())
                          .leaf("value", kByteArray, one)
                          .bytes());
  put("typed.parquet", ParquetBytes(1)
                           .group("v", 2, kRequired, variant_type())
                           .leaf("metadata", kByteArray, empty)
                           .leaf("typed_value", kInt32, plain<std::int32_t>({1}))
                           .bytes());
  // Parts of an object that are typed alone: an assertion of DuckDB fails.
  put("parts.parquet", ParquetBytes(1)
                           .group("v", 3, kRequired, variant_type())
                           .leaf("metadata", kByteArray, empty)
                           .leaf("value", kByteArray, levels({0}), {}, 0, kOptional)
                           .group("typed_value", 1, kOptional)
                           .group("a", 1)
                           .leaf("typed_value", kInt32, levels({1}) + plain<std::int32_t>({1}))
                           .with_statistics()
                           .bytes());
  put("zz.csv", "a\n1\n");
  expect_refused("parts", {"parts.parquet cannot be read: it breaks DuckDB"});
  expect_refused("only", {"only.parquet", "'v'", "'value'"});
  expect_refused("other", {"other.parquet", "'v'", "'value'"});
  expect_refused("deep", {"deep.parquet", "'g.v'", "'metadata'"});
  expect_refused("typed", {"typed.parquet", "'v'", "'value'"});
  EXPECT_EQ(rows("good"), "1");
  EXPECT_EQ(rows("zz"), "1");
}

TEST_F(Parquet, NanosecondsInAVariantAreKeptOrRefused) {
  const std::string metadata = plain_texts({std::string("\1\0\0", 3)});
  const auto file = [&](const std::string& value) {
    return ParquetBytes(1)
        .group("v", 2, kRequired, variant_type())
        .leaf("metadata", kByteArray, metadata)
        .leaf("value", kByteArray, plain_texts({value}))
        .bytes();
  };
  const auto instant = [](std::int64_t nanos) { return "\x48" + plain<std::int64_t>({nanos}); };
  // An array of two: its head, how many, where they begin and end.
  const auto pair = [&](const std::string& first, const std::string& second) {
    std::string out = "\x03\x02";
    for (const std::size_t end : {std::size_t{0}, first.size(), first.size() + second.size()})
      out += static_cast<char>(end);
    return out + first + second;
  };
  put("fine.parquet", file(instant(kInstant + 789)));
  put("list.parquet", file(pair("\x0c\x01", instant(1))));
  put("whole.parquet", file(pair("\x0c\x01", instant(kInstant))));
  put("local.parquet", file("\x4c" + plain<std::int64_t>({kInstant + 789})));
  for (const char* table : {"fine", "list"})
    expect_refused(table, {"'v.value'", "to the nanosecond", "microseconds, or as text"});
  EXPECT_EQ(rows("whole"), "[1, 2023-11-14 22:13:20.123456+00]");
  EXPECT_EQ(rows("local"), "2023-11-14 22:13:20.123456789");
}

TEST_F(Parquet, NestedAndLegacyListsAndNoRows) {
  // A repeated column alone is a list.
  put("legacy.parquet",
      ParquetBytes(2)
          .leaf("a", kInt32, levels({0, 1, 0}) + levels({1, 1, 1}) + plain<std::int32_t>({1, 2, 3}), {}, 0,
                kRepeated, 3)
          .bytes());
  put("two_level.parquet",
      ParquetBytes(2)
          .group("a", 1, kRequired, list_type())
          .leaf("array", kInt32, levels({0, 1, 0}) + levels({1, 1, 1}) + plain<std::int32_t>({1, 2, 3}), {},
                0, kRepeated, 3)
          .bytes());
  // A row group without rows, whose pages are said to be at the file's begin.
  put("nowhere.parquet", ParquetBytes(0).with_empty_group().leaf("a", kInt32, "").bytes());
  put("none.parquet", ParquetBytes(0).leaf("a", kInt96, "").leaf("b", kByteArray, "", text_type()).bytes());
  copy_to("empty.parquet", "SELECT 1 AS a, [1] AS l WHERE false", "FORMAT parquet");
  copy_to("deep.parquet",
          "SELECT [{'a': [{'b': MAP {'k': [1, NULL]}}, NULL]}, NULL] AS d UNION ALL SELECT NULL",
          "FORMAT parquet");
  ASSERT_EQ(messages(run()), "");
  EXPECT_EQ(rows("legacy"), "[1, 2];[3]");
  EXPECT_EQ(rows("two_level"), "[1, 2];[3]");
  EXPECT_EQ(types("nowhere"), "a INTEGER");
  EXPECT_EQ(types("none"), "a TIMESTAMP, b VARCHAR");
  EXPECT_EQ(types("empty"), "a INTEGER, l INTEGER[]");
  EXPECT_EQ(rows("deep"), "[{'a': [{'b': {k=[1, NULL]}}, NULL]}, NULL];-");
}

TEST_F(Parquet, TypesToldInTheNewerWayAloneAreRead) {
  const auto whole = [](int bits, bool is_signed) {
    Value width = i32(bits);
    width.type = thrift::Type::byte;
    return structure({{10, structure({{1, width}, {2, yes_or_no(is_signed)}})}});
  };
  put("t.parquet", ParquetBytes(1)
                       .leaf("big", kInt64, plain<std::int64_t>({-1}), whole(64, false))
                       .leaf("small", kInt32, plain<std::int32_t>({-1}), whole(8, true))
                       .leaf("day", kInt32, plain<std::int32_t>({1}), structure({{6, structure({})}}))
                       .leaf("time", kInt64, plain<std::int64_t>({1}), time_type(kMicros))
                       .leaf("amount", kInt64, plain<std::int64_t>({150}), decimal_type(18, 2))
                       .leaf("name", kByteArray, plain_texts({"ann"}), text_type())
                       .leaf("json", kByteArray, plain_texts({"{}"}), structure({{12, structure({})}}))
                       .bytes());
  ASSERT_EQ(messages(run()), "");
  EXPECT_EQ(rows("t"), "18446744073709551615|-1|1970-01-02|00:00:00.000001|1.50|ann|{}");
  EXPECT_TRUE(types("t").starts_with("big UBIGINT, small TINYINT, day DATE")) << types("t");
}

TEST_F(Parquet, AFlippedByteIsFoundByTheChecksumOfItsPage) {
  const auto file = ParquetBytes(2)
                        .leaf("id", kInt64, plain<std::int64_t>({1, 2}))
                        .leaf("v", kInt64, plain<std::int64_t>({3, 4}))
                        .with_checksums()
                        .bytes();
  put("a.parquet", file);
  ASSERT_EQ(messages(run()), "");
  EXPECT_EQ(rows("a"), "1|3;2|4");
  std::string bad = file;
  bad[bad.find(plain<std::int64_t>({3, 4}))] = '\7';
  replace("a.parquet", bad);
  expect_refused("a", {"a.parquet", "'v'", "checksum", "copy the file again"});
  EXPECT_EQ(rows("a"), "1|3;2|4") << "the last good version stays";
}

TEST_F(Parquet, EveryCutAndManyFlippedBytesAreSaidOrHarmless) {
  const auto file = ParquetBytes(2)
                        .leaf("id", kInt64, plain<std::int64_t>({1, 2}))
                        .leaf("t", kInt96, plain_int96(1, kDay) + plain_int96(2, kDay))
                        .with_checksums()
                        .bytes();
  put("zz.csv", "a\n1\n");
  const auto only = [](Job& job) { job.only = {{"a"}}; };
  for (std::size_t size = 0; size < file.size(); size += 31) {
    replace("a.parquet", file.substr(0, size));
    EXPECT_EQ(result(run(only), "a").status, "failed") << size;
  }
  for (std::size_t at = 4; at < file.size(); at += 13) {
    std::string bad = file;
    bad[at] = static_cast<char>(bad[at] ^ 0x15);
    replace("a.parquet", bad);
    const Outcome outcome = run(only);
    const auto& found = result(outcome, "a");
    if (found.status == "failed") {
      EXPECT_TRUE(found.error.starts_with("a.parquet")) << found.error;
    }
  }
  EXPECT_EQ(result(run(), "zz").status, "ok");
}

TEST_F(Parquet, FilesOfOneFolderWithOtherTypesNameColumnAndTypes) {
  copy_to("q/a.parquet", "SELECT 1::BIGINT AS id, 'x' AS v", "FORMAT parquet");
  copy_to("q/b.parquet", "SELECT 1::BIGINT AS id, 2::INTEGER AS v", "FORMAT parquet");
  copy_to("r/a.parquet", "SELECT 1 AS id", "FORMAT parquet");
  copy_to("r/b.parquet", "SELECT 1 AS id, 2 AS more", "FORMAT parquet");
  expect_refused("q", {"q/b.parquet", "'v'", "INTEGER", "q/a.parquet", "VARCHAR"});
  expect_refused("r", {"r/b.parquet", "columns of r/a.parquet"});
}

TEST_F(Parquet, FoldersThatNameColumnsChangeNone) {
  copy_to("clash/id=5/a.parquet", "SELECT 1 AS ID, 2 AS v", "FORMAT parquet");
  copy_to("zips/zip=00501/a.parquet", "SELECT 1 AS v", "FORMAT parquet");
  copy_to("zips/zip=10001/a.parquet", "SELECT 2 AS v", "FORMAT parquet");
  copy_to("years/year=2024/city=New%20York/a.parquet", "SELECT 1 AS v", "FORMAT parquet");
  copy_to("years/year=2025/city=__HIVE_DEFAULT_PARTITION__/a.parquet", "SELECT 2 AS v", "FORMAT parquet");
  expect_refused("clash", {"clash/id=5/a.parquet", "'ID'", "'id=...'", "rename one of them"});
  EXPECT_EQ(types("zips"), "v INTEGER, zip VARCHAR");
  EXPECT_EQ(rows("zips"), "1|00501;2|10001");
  EXPECT_EQ(types("years"), "v INTEGER, year BIGINT, city VARCHAR");
  EXPECT_EQ(rows("years"), "1|2024|New York;2|2025|-");
}

TEST_F(Parquet, WhatOurOwnFilesWouldHoldChangedIsCastOrRefused) {
  copy_to("wide.parquet", "SELECT 9007199254740993 AS x, [9007199254740993] AS l, '12:00:00+02' AS t",
          "FORMAT parquet");
  copy_to("span.parquet", "SELECT '1 day 00:00:01.234567' AS x", "FORMAT parquet");
  const Outcome outcome = run([](Job& job) {
    TableSpec wide, span;
    wide.name = "wide";
    wide.types = {{"x", "HUGEINT"}, {"l", "HUGEINT[]"}, {"t", "TIMETZ"}};
    span.name = "span";
    span.types = {{"x", "INTERVAL"}};
    job.tables = {wide, span};
  });
  EXPECT_EQ(types("wide"), "x DECIMAL(38,0), l DECIMAL(38,0)[], t VARCHAR") << messages(outcome);
  EXPECT_EQ(rows("wide"), "9007199254740993|[9007199254740993]|12:00:00+02");
  EXPECT_NE(result(outcome, "span").error.find("INTERVAL rounds what is finer"), std::string::npos)
      << result(outcome, "span").error;
}

TEST_F(Parquet, MidnightAtTheEndOfADayIsRefusedUnlessItIsAText) {
  const std::string both = "SELECT * FROM (VALUES (TIME '23:59:59.999999'), ('24:00:00'), (NULL)) t(x)";
  copy_to("times.parquet", both, "FORMAT parquet");
  copy_to("texts.parquet", both, "FORMAT parquet");
  copy_to("fine.parquet", "SELECT TIME '23:59:59.999999' AS x", "FORMAT parquet");
  copy_to("list.parquet", "SELECT [TIME '24:00:00'] AS x", "FORMAT parquet");
  const Outcome outcome = run([](Job& job) {
    TableSpec texts;
    texts.name = "texts";
    texts.types = {{"x", "VARCHAR"}};
    job.tables = {texts};
  });
  EXPECT_NE(result(outcome, "times").error.find("times.parquet"), std::string::npos);
  EXPECT_NE(result(outcome, "times").error.find("TIME x is 24:00:00 or later"), std::string::npos)
      << result(outcome, "times").error;
  EXPECT_EQ(rows("texts"), "23:59:59.999999;24:00:00;-");
  EXPECT_EQ(rows("fine"), "23:59:59.999999");
  EXPECT_EQ(rows("list"), "['24:00:00']");
}

TEST_F(Parquet, ATypeThatIsSetChecksAndDoesNotRound) {
  struct Case {
    const char *value, *type, *becomes;  // nothing: refused
  };
  const Case cases[] = {
      {"2.0::DOUBLE", "BIGINT", "2"},
      {"2.7::DOUBLE", "BIGINT", nullptr},
      {"'nan'::DOUBLE", "BIGINT", nullptr},
      {"1.50::DECIMAL(10,2)", "DECIMAL(10,1)", "1.5"},
      {"1.55::DECIMAL(10,2)", "DECIMAL(10,1)", nullptr},
      {"9007199254740993", "DOUBLE", nullptr},
      {"9007199254740992", "DOUBLE", "9007199254740992.0"},
      {"300", "TINYINT", nullptr},
      {"2", "BOOLEAN", nullptr},
      {"DATE '2024-01-02'", "TIMESTAMP", "2024-01-02 00:00:00"},
      {"TIMESTAMP '2024-01-02 03:04:05'", "DATE", nullptr},
      {"TIMESTAMPTZ '2024-01-02 03:04:05+00'", "TIMESTAMP", nullptr},
      {"TIMESTAMP_NS '2024-01-02 03:04:05.123456789'", "TIMESTAMP", nullptr},
      {"'007'", "BIGINT", "7"},
      {"'2.7'", "BIGINT", nullptr},
      {"'1.23456'", "DECIMAL(18,4)", nullptr},
      {"'1.2340'", "DECIMAL(18,3)", "1.234"},
      {"'9007199254740993'", "DOUBLE", nullptr},
      {"'2024-01-02 03:04:05.123456789'", "TIMESTAMP", nullptr},
      {"'2024-01-02 03:04:05+02'", "TIMESTAMP", nullptr},
      {"'2024-01-02 03:04:05+02'", "TIMESTAMPTZ", "2024-01-02 01:04:05+00"},
      {"[1, 2]", "VARCHAR", "[1, 2]"},
      {"[1.5, 2]", "INTEGER[]", nullptr},
  };
  int number = 0;
  for (const auto& item : cases) {
    const std::string table = fmt::format("t{}", number++), file = table + ".parquet";
    copy_to(file, fmt::format("SELECT 1 AS id, NULL AS x UNION ALL SELECT 2, {}", item.value),
            "FORMAT parquet");
    const Outcome outcome = run([&](Job& job) {
      TableSpec spec;
      spec.name = table;
      spec.types = {{"x", item.type}};
      job.tables = {spec};
      job.only = {{table}};
    });
    const auto& found = result(outcome, table);
    if (item.becomes != nullptr) {
      ASSERT_EQ(found.status, "ok") << item.value << " " << found.error;
      EXPECT_EQ(rows(table), fmt::format("1|-;2|{}", item.becomes));
    } else {
      EXPECT_EQ(found.status, "failed") << item.value << " as " << item.type << ": " << rows(table);
      EXPECT_TRUE(found.error.starts_with(file + " row 2 has '")) << found.error;
      EXPECT_NE(found.error.find("in column 'x', which is not a "), std::string::npos) << found.error;
    }
  }
}

}  // namespace
}  // namespace agnes::connectors::files
