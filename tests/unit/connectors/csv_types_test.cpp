// Which types the columns of CSV files get, and that no value changes.
#include "connectors/files_fixture.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {
namespace {

struct Case {
  const char* values;  // one a line
  const char* type;
  const char* rows;  // nullptr: as they were
};

std::string joined(std::string_view values) {
  std::string out(values);
  std::replace(out.begin(), out.end(), '\n', ';');
  return out;
}

class CsvTypes : public Files {
 protected:
  // Each case as the only column, and beside columns of other types: the type is the same.
  void check(const std::vector<Case>& cases) {
    std::string plain;
    for (std::size_t i = 0; i < cases.size(); ++i)
      put(fmt::format("t{}.csv", i), fmt::format("c\n{}\n", cases[i].values));
    const Outcome outcome = run();
    EXPECT_EQ(messages(outcome), "");
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::string table = fmt::format("t{}", i);
      EXPECT_EQ(types(table), fmt::format("c {}", cases[i].type)) << cases[i].values;
      EXPECT_EQ(rows(table), cases[i].rows != nullptr ? joined(cases[i].rows) : joined(cases[i].values));
    }
  }
};

TEST_F(CsvTypes, Numbers) {
  check({
      {"1\n-5\n0", "BIGINT", nullptr},
      {" 5\n7 ", "BIGINT", "5\n7"},
      {"9223372036854775807", "BIGINT", nullptr},
      {"1\n9223372036854775808", "VARCHAR", nullptr},
      {"10000000000000000000000", "VARCHAR", nullptr},
      {"1\n+5", "VARCHAR", nullptr},
      {"1\n-0", "DOUBLE", "1.0\n-0.0"},
      {"1\n007", "VARCHAR", nullptr},
      {"1.5\n007", "VARCHAR", nullptr},
      {"1\n1_000", "VARCHAR", nullptr},
      {"1.5\n1_000", "VARCHAR", nullptr},
      {"1.50\n12.25\n-0.10", "DECIMAL(18,2)", nullptr},
      {"1234567890123456789.25", "DECIMAL(38,2)", nullptr},
      {"1.5\n2\n2.25", "DOUBLE", "1.5\n2.0\n2.25"},
      {"1.9\n1.10\n1.11", "VARCHAR", nullptr},
      {"1.5\n9007199254740993", "VARCHAR", nullptr},
      {"1.5\n12345678901234567890123", "VARCHAR", nullptr},
      {"0.1\n0.30000000000000004", "DOUBLE", nullptr},
      {"1e+3\n-4", "DOUBLE", "1000.0\n-4.0"},
      {"1.0E3\n2.5E4", "DOUBLE", "1000.0\n25000.0"},
      {"1E3\n2E4", "VARCHAR", nullptr},
      {"1e3\n2.5", "VARCHAR", nullptr},
      {"1.E3", "VARCHAR", nullptr},
      {"1.5e-07\n2", "DOUBLE", "1.5e-07\n2.0"},
      {"1e400\n1", "VARCHAR", nullptr},
      {"1e-400\n1", "VARCHAR", nullptr},
      {"E41000051\n12E4", "VARCHAR", nullptr},
      {"12E4\n13E4", "VARCHAR", nullptr},
      {"10%\n20%", "VARCHAR", nullptr},
      {"$5\n$6", "VARCHAR", nullptr},
      {"\"1,5\"\n\"2,5\"", "VARCHAR", "1,5\n2,5"},
      {"-0\n5", "DOUBLE", "-0.0\n5.0"},
      {"-0\n9223372036854775808", "VARCHAR", nullptr},
      {"+420601234567\n+420601234568", "VARCHAR", nullptr},
      {"1.5\nnan\ninf", "VARCHAR", nullptr},
      {"0x10\n0x11", "VARCHAR", nullptr},
  });
}

TEST_F(CsvTypes, DatesTimesAndTruth) {
  check({
      {"2024-02-29\n1999-12-31", "DATE", nullptr},
      {"2024-02-30", "VARCHAR", nullptr},
      {"2024-1-5", "VARCHAR", nullptr},
      {"0000-01-01", "VARCHAR", nullptr},
      {"2024-05-01\ninfinity\n-infinity", "VARCHAR", nullptr},
      {"2024-05-01\nepoch", "VARCHAR", nullptr},
      {"01/02/2020\n03/04/2020", "VARCHAR", nullptr},
      {"01/02/2020\n01/25/2020", "VARCHAR", nullptr},
      {"31.12.2026", "VARCHAR", nullptr},
      {"25/11/63", "VARCHAR", nullptr},
      {"10 20 30\n5 12 8", "VARCHAR", nullptr},
      {"1 2 3", "VARCHAR", nullptr},
      {"10.11.12\n11.10.3", "VARCHAR", nullptr},
      {"01-11-20", "VARCHAR", nullptr},
      {"1-2-3\n6-4-6", "VARCHAR", nullptr},
      {"555 12 12\n777 10 31", "VARCHAR", nullptr},
      {"2024-01-02 03:04:05\n2024-01-02T03:04:06.5", "TIMESTAMP",
       "2024-01-02 03:04:05\n2024-01-02 03:04:06.5"},
      {"2024-01-02\n2024-01-02 03:04:05", "TIMESTAMP", "2024-01-02 00:00:00\n2024-01-02 03:04:05"},
      {"2024-01-02 24:00:00", "VARCHAR", nullptr},
      {"2024-01-02 03:04:60", "VARCHAR", nullptr},
      {"2024-01-01 00:00:00.123456", "TIMESTAMP", nullptr},
      {"2024-01-01 00:00:00.123456789", "VARCHAR", nullptr},
      {"2024-03-01T10:15:00+02:00\n2024-03-01T10:15:00Z", "TIMESTAMP WITH TIME ZONE",
       "2024-03-01 08:15:00+00\n2024-03-01 10:15:00+00"},
      {"2024-03-01T10:15:00+02:00\n2024-03-01T10:15:00", "VARCHAR", nullptr},
      {"10:15:00\n23:59:59", "TIME", nullptr},
      {"00:00:00\n24:00:00", "VARCHAR", nullptr},
      {"true\nFALSE\nTrue", "BOOLEAN", "true\nfalse\ntrue"},
      {"true\n1", "VARCHAR", nullptr},
      {"yes\nno", "VARCHAR", nullptr},
      {"t\nf", "VARCHAR", nullptr},
  });
}

TEST_F(CsvTypes, WhereAValueStandsAndOtherColumnsDecideNothing) {
  const int many = 25'000;
  const std::vector<std::tuple<const char*, const char*, const char*>> cases = {
      {"2024-01-02 03:04:05", "2024-01-02T03:04:05+02:00", "VARCHAR"},
      {"1.5", "007", "VARCHAR"},
      {"1.5", "1_000", "VARCHAR"},
      {"true", "1", "VARCHAR"},
      {"1.50", "2.5", "VARCHAR"},
      {"1.5", "9007199254740993", "VARCHAR"},
      {"5", "+420601234567", "VARCHAR"},
      {"-0", "1.5", "DOUBLE"},
      {"12345678901234567890", "1.5", "VARCHAR"},
      {"2024-01-02", "infinity", "VARCHAR"},
      {"2024-01-02T03:04:05Z", "2024-01-02T03:04:05+02:00", "TIMESTAMP WITH TIME ZONE"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [value, other, type] = cases[i];
    put(fmt::format("late{}.csv", i), many_rows("c", value, many, other));
    put(fmt::format("early{}.csv", i), fmt::format("c,d\n{},12/25/2020\n{},x\n", other, value));
  }
  EXPECT_EQ(messages(run()), "");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [value, other, type] = cases[i];
    EXPECT_EQ(types(fmt::format("late{}", i)), fmt::format("c {}", type)) << other;
    EXPECT_EQ(types(fmt::format("early{}", i)), fmt::format("c {}, d VARCHAR", type)) << other;
  }
}

TEST_F(CsvTypes, AnEmptyCellIsNullAndAQuotedEmptyOneAnEmptyText) {
  put("e.csv", "t,n\nx,1\n,\n\"\",\"\"\n");
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(types("e"), "t VARCHAR, n BIGINT");
  EXPECT_EQ(rows("e"), "x|1;-|-;|-");
}

TEST_F(CsvTypes, ATextForNullIsOneWhereNothingQuotesIt) {
  struct Table {
    const char *null_text, *content, *types, *rows;
  };
  const std::vector<Table> cases = {
      {"NA", "t,n\nx,1\nNA,NA\n,\n\"NA\",2\n", "t VARCHAR, n BIGINT", "x|1;-|-;-|-;NA|2"},
      {"NA", "n\n1\n\"NA\"\n", "n VARCHAR", "1;NA"},
      {"NA", "n\n1\nna\nNA \n", "n VARCHAR", "1;na;NA "},
      {"0", "n,t\n1,0\n0,x\n00,\"0\"\n", "n VARCHAR, t VARCHAR", "1|-;-|x;00|0"},
      {"\\N", "d,t\n2024-01-02,\\N\n\\N,\\N\n", "d DATE, t VARCHAR", "2024-01-02|-;-|-"},
      {"-", "a\n-\n-\n", "a VARCHAR", "-;-"},
      {"x", "a,b\n1,x\r\n2,\"q\rq\"\n", "a BIGINT, b VARCHAR", "1|-;2|q\rq"},
  };
  // By DuckDB's reader, and by ours, which reads other encodings.
  for (const bool ours : {false, true}) {
    for (std::size_t i = 0; i < cases.size(); ++i) put(fmt::format("t{}.csv", i), cases[i].content);
    EXPECT_EQ(messages(run([&](Job& job) {
                job.force = true;
                for (std::size_t i = 0; i < cases.size(); ++i) {
                  TableSpec spec;
                  spec.name = fmt::format("t{}", i);
                  spec.null_text = cases[i].null_text;
                  if (ours) spec.encoding = "latin-1";
                  job.tables.push_back(spec);
                }
              })),
              "");
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_EQ(types(fmt::format("t{}", i)), cases[i].types) << cases[i].content;
      EXPECT_EQ(rows(fmt::format("t{}", i)), cases[i].rows) << cases[i].content;
    }
  }
}

TEST_F(CsvTypes, AnEmptyLineIsARowWhereThereIsOneColumn) {
  for (const bool ours : {false, true}) {
    put("one.csv", "\na\n1\n\n2\n\n");
    put("two.csv", "\na,b\n1,2\n\n3,4\n\n");
    EXPECT_EQ(messages(run([&](Job& job) {
                job.force = true;
                for (const char* name : {"one", "two"}) {
                  TableSpec spec;
                  spec.name = name;
                  if (ours) spec.encoding = "latin-1";
                  job.tables.push_back(spec);
                }
              })),
              "");
    EXPECT_EQ(rows("one"), "1;-;2;-");
    EXPECT_EQ(rows("two"), "1|2;3|4");
  }
}

TEST_F(CsvTypes, ADelimiterInAQuotedNameIsNone) {
  struct Table {
    const char *content, *types;
  };
  const std::vector<Table> cases = {
      {"id,\"Amount; EUR; gross\"\n1,2\n", "id BIGINT, Amount; EUR; gross BIGINT"},
      {"a|\"x,y,z\nq\"|\"w\"\n1|2|3\n", "a BIGINT, x,y,z\nq BIGINT, w BIGINT"},
      // A quote in a name that nothing quotes is none.
      {"height 6\";width\n1;2\n", "height 6\" BIGINT, width BIGINT"},
      {"q\"q|\"a;b;c;d\"|e\n1|2|3\n", "q\"q BIGINT, a;b;c;d BIGINT, e BIGINT"},
      // What stands in quotes says nothing of how lines end.
      {"a;\"two\nlines\"\r1;2\r3;4\r", "a BIGINT, two\nlines BIGINT"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) put(fmt::format("t{}.csv", i), cases[i].content);
  EXPECT_EQ(messages(run()), "");
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(types(fmt::format("t{}", i)), cases[i].types) << cases[i].content;
}

TEST_F(CsvTypes, ANameMayHoldAnyCharacter) {
  put("n.csv", "a\1b,\"c\"\"d\"\n1,2\n");
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(types("n"), "a\1b BIGINT, c\"d BIGINT");
}

TEST_F(CsvTypes, AByteOfZeroIsRefusedWithItsLikelyCause) {
  const auto wide = [](std::string_view text, int before, int after) {
    std::string out;
    for (const char c : text)
      out += std::string(static_cast<std::size_t>(before), '\0') + c +
             std::string(static_cast<std::size_t>(after), '\0');
    return out;
  };
  put("little.csv", wide("name\nann\n", 0, 1));
  put("big.csv", wide("name\nann\n", 1, 0));
  put("zeros.csv", std::string(4096, '\0'));
  put("header.csv", std::string_view("a\0b,c\n1,2\n", 10));
  put("late.csv", std::string_view("a,c\n1,2\n3,x\0\n", 14));
  put("later.csv", many_rows("a,c", "1,x", 25'000, std::string("2,x\0y", 5)));
  put("long.csv", std::string("\xff\xfe\0\0", 4) + wide("name\nann\n", 0, 3));
  put("long_big.csv", std::string("\0\0\xfe\xff", 4) + wide("name\nann\n", 3, 0));
  put("fine.csv", wide("name\nann\n", 1, 0));
  put("good.csv", "a\n1\n");
  const Outcome outcome = run([](Job& job) {
    auto& spec = job.tables.emplace_back();
    spec.name = "fine";
    spec.encoding = "utf-16";
  });
  for (const auto& [table, line] :
       {std::pair{"little", 1}, {"big", 1}, {"zeros", 1}, {"header", 1}, {"late", 3}, {"later", 25'002}})
    EXPECT_EQ(
        result(outcome, table).error,
        fmt::format("{}.csv line {} has a NUL byte, which no text has: the file is damaged, or in another "
                    "encoding (UTF-16?), which the setting encoding names",
                    table, line));
  for (const char* table : {"long", "long_big"})
    EXPECT_EQ(result(outcome, table).error,
              fmt::format("{}.csv is in UTF-32, which is not read: save it as UTF-8", table));
  EXPECT_EQ(rows("fine"), "ann");
  EXPECT_EQ(rows("good"), "1");
}

TEST_F(CsvTypes, AFirstLineThatMayBeAHeaderIsTold) {
  const std::string years = "country,code,1960,1961\nAruba,ABW,54211,55438\nChad,TCD,2000,3010\n";
  for (const char* name : {"guess", "set", "unset"}) put(fmt::format("{}.csv", name), years);
  put("numbers.csv", "1,2\n3,4\n");
  put("alone.csv", "name,2019,2020\n");
  put("pair.csv", "x,x,1\n");
  put("digits.csv", "2019,2020\n");
  put("named.csv", "country,1960,1961\nAruba,5,6\n");
  put("texts.csv", "country,1960,1961\nAruba,n/a,n/a\n");
  const Outcome outcome = run([](Job& job) {
    for (const bool header : {true, false}) {
      auto& spec = job.tables.emplace_back();
      spec.name = header ? "set" : "unset";
      spec.header = header;
    }
  });
  std::vector<std::string> said;
  for (const auto& problem : outcome.problems) {
    EXPECT_TRUE(problem.is_note());
    said.push_back(problem.message);
  }
  const std::string rest =
      ".csv line 1 is taken as a row, as its values are like those below: set header to true for the table ";
  EXPECT_EQ(said, (std::vector<std::string>{
                      "guess" + rest + "guess if it is the header, else to false",
                      "named.csv line 1 is taken as the header, as it names years one after the other: set "
                      "header to false for the table named if it is a row, else to true",
                      "pair" + rest + "pair if it is the header, else to false",
                  }));
  EXPECT_EQ(result(outcome, "guess").rows, 3);
  EXPECT_EQ(types("set"), "country VARCHAR, code VARCHAR, 1960 BIGINT, 1961 BIGINT");
  EXPECT_EQ(types("alone"), "name VARCHAR, 2019 VARCHAR, 2020 VARCHAR");
  EXPECT_EQ(rows("digits"), "2019|2020");
}

TEST_F(CsvTypes, YearsOneAfterTheOtherAreNamesWhereNoRowHasOne) {
  struct Table {
    const char *content, *types;
  };
  const std::vector<Table> cases = {
      {"country,code,1960,1961\nAruba,ABW,54211,55438\nChad,TCD,3000,\n",
       "country VARCHAR, code VARCHAR, 1960 BIGINT, 1961 BIGINT"},
      {"x,1999,2000,2001,\na,1.5,2.5,3.5,\n",
       "x VARCHAR, 1999 DECIMAL(18,1), 2000 DECIMAL(18,1), 2001 DECIMAL(18,1), column4 VARCHAR"},
      {",1960,1961\n0,5,6\n1,7,8\n", "column0 BIGINT, 1960 BIGINT, 1961 BIGINT"},
      {",1960,1961\n,5,6\n", "column0 VARCHAR, column1 BIGINT, column2 BIGINT"},
      {"ann,2019,2020\nbob,2018,2019\n", "column0 VARCHAR, column1 BIGINT, column2 BIGINT"},
      {"ann,2019,2020\nann,5,6\n", "column0 VARCHAR, column1 BIGINT, column2 BIGINT"},
      {"ann,2019,2021\nbob,5,6\n", "column0 VARCHAR, column1 BIGINT, column2 BIGINT"},
      {"ann,2019\nbob,5\n", "column0 VARCHAR, column1 BIGINT"},
      {"2019,2020\n5,6\n", "column0 BIGINT, column1 BIGINT"},
      {"ann,7,2019,2020\nbob,5,5,6\n", "column0 VARCHAR, column1 BIGINT, column2 BIGINT, column3 BIGINT"},
      {"ann,1,2\nbob,5,6\n", "column0 VARCHAR, column1 BIGINT, column2 BIGINT"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) put(fmt::format("t{}.csv", i), cases[i].content);
  put("late.csv", many_rows("x,2019,2020", "y,5,6", 25'000, "z,2019,2020"));
  // Columns of a folder whose first lines differ are not of one table.
  put("two/1.csv", "x,2019\na,b\n");
  put("two/2.csv", "x,2020\na,b\n");
  const Outcome outcome = run();
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(types(fmt::format("t{}", i)), cases[i].types) << cases[i].content;
  EXPECT_EQ(types("late"), "column0 VARCHAR, column1 BIGINT, column2 BIGINT");
  EXPECT_EQ(result(outcome, "two").error,
            "two/2.csv does not have the columns of two/1.csv: the files of one folder must be alike");
}

TEST_F(CsvTypes, ColumnsThatATableLosesAreTold) {
  put("t.csv", "country,1960\nAruba,n/a\n");
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(types("t"), "country VARCHAR, 1960 VARCHAR");
  replace("t.csv", "country,1960\nAruba,5\n");
  const Outcome outcome = run();
  EXPECT_EQ(types("t"), "column0 VARCHAR, column1 BIGINT");
  EXPECT_NE(messages(outcome).find(
                "table 't' has lost the columns 'country', '1960', and got 'column0', 'column1': "
                "correct t.csv if they are meant to be there"),
            std::string::npos)
      << messages(outcome);
  EXPECT_EQ(result(outcome, "t").status, "ok");
}

TEST_F(CsvTypes, TheFirstLineOfEachFileIsARowWhereThereIsNoHeader) {
  put("days/1.csv", "1,2024-01-01\n2,2024-01-02\n");
  put("days/2.csv", "x7,2024-01-03\n3,2024-01-04\n");
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(types("days"), "column0 VARCHAR, column1 DATE");
  EXPECT_EQ(rows("days"), "1|2024-01-01;2|2024-01-02;x7|2024-01-03;3|2024-01-04");
}

TEST_F(CsvTypes, AllRowsSayWhetherTheFirstLineIsAHeader) {
  put("rows.csv", many_rows("x,2020", "y,5", 25'000, "z,6"));
  put("header.csv", many_rows("x,2020", "y,5", 25'000, "z,late"));
  EXPECT_TRUE(messages(run()).starts_with("rows.csv line 1 is taken as a row, "));
  EXPECT_EQ(types("rows"), "column0 VARCHAR, column1 BIGINT");
  EXPECT_EQ(types("header"), "x VARCHAR, 2020 VARCHAR");
}

TEST_F(CsvTypes, TheFirstLineWithTextIsTheHeader) {
  struct Table {
    const char *content, *types, *rows;
  };
  const std::vector<Table> cases = {
      {",name,city\n0,ann,oslo\n1,bob,rome\n", "column0 BIGINT, name VARCHAR, city VARCHAR",
       "0|ann|oslo;1|bob|rome"},
      {"\"\",\"name\",\"city\"\n\"a\",\"ann\",\"oslo\"\n", "column0 VARCHAR, name VARCHAR, city VARCHAR",
       "a|ann|oslo"},
      {"name,\nann,1\n", "name VARCHAR, column1 BIGINT", "ann|1"},
      {"\na,b\n1,2\n", "a BIGINT, b BIGINT", "1|2"},
      {"\r\n\r\na\r\n1\r\n", "a BIGINT", "1"},
      {"sep=;\na;b,c\n1;2\n", "a BIGINT, b,c BIGINT", "1|2"},
      {"SEP=|\r\na|b\r\n1|2\r\n", "a BIGINT, b BIGINT", "1|2"},
      {"country,2019,2020\nCZ,x,y\n", "country VARCHAR, 2019 VARCHAR, 2020 VARCHAR", "CZ|x|y"},
      {"1,2\n3,4\n", "column0 BIGINT, column1 BIGINT", "1|2;3|4"},
      {"a,b,c\n", "a VARCHAR, b VARCHAR, c VARCHAR", ""},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) put(fmt::format("t{}.csv", i), cases[i].content);
  put("q/a.csv", "a,b\n1,x\n");
  put("q/b.csv", "\n\na,b\n2,y\n");
  put("wrong.csv", "\n\na,b\n1,2\n3\n");
  EXPECT_EQ(messages(run()), "wrong.csv line 5 has 1 values where the header has 2\n");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(types(fmt::format("t{}", i)), cases[i].types) << cases[i].content;
    EXPECT_EQ(rows(fmt::format("t{}", i)), cases[i].rows) << cases[i].content;
  }
  EXPECT_EQ(rows("q"), "1|x;2|y");
}

TEST_F(CsvTypes, ASettingGivesTheOrderOfDates) {
  put("d.csv", "d,t,x\n01/02/2020,25.03.2024 10:15,1/2\n03/04/2020,26.03.2024 11:00,x\n");
  EXPECT_EQ(messages(run([](Job& job) {
              TableSpec spec;
              spec.name = "d";
              spec.date_format = "%d/%m/%Y";
              spec.timestamp_format = "%d.%m.%Y %H:%M";
              job.tables = {spec};
            })),
            "");
  EXPECT_EQ(types("d"), "d DATE, t TIMESTAMP, x VARCHAR");
  EXPECT_EQ(rows("d"), "2020-02-01|2024-03-25 10:15:00|1/2;2020-04-03|2024-03-26 11:00:00|x");
}

TEST_F(CsvTypes, AFormatOfTimesLosesNoDigitAndNoOffset) {
  struct Form {
    const char *date, *time, *set, *value, *type,
        *row;  // nothing in `row`: the value is no value of the type that is set
  };
  const std::vector<Form> cases = {
      {"", "%d.%m.%Y %H:%M:%S.%n", "", "2.1.2024 03:04:05.123456789", "TIMESTAMP_NS",
       "2024-01-02 03:04:05.123456789"},
      {"", "%d.%m.%Y %H:%M:%S.%n", "TIMESTAMP", "2.1.2024 03:04:05.123456000", "TIMESTAMP",
       "2024-01-02 03:04:05.123456"},
      {"", "%d.%m.%Y %H:%M:%S.%n", "TIMESTAMP", "2.1.2024 03:04:05.123456789", "TIMESTAMP", nullptr},
      {"", "%d.%m.%Y %H:%M:%S.%f", "", "2.1.2024 03:04:05.123456789", "VARCHAR",
       "2.1.2024 03:04:05.123456789"},
      {"", "%d.%m.%Y %H:%M:%S.%f", "TIMESTAMP_S", "2.1.2024 03:04:05.5", "TIMESTAMP_S", nullptr},
      {"", "%d.%m.%Y %H:%M %z", "", "2.1.2024 03:04 +0200", "TIMESTAMP WITH TIME ZONE",
       "2024-01-02 01:04:00+00"},
      {"", "%d.%m.%Y %H:%M %z", "TIMESTAMPTZ", "2.1.2024 03:04 +02:00", "TIMESTAMP WITH TIME ZONE",
       "2024-01-02 01:04:00+00"},
      {"", "%d.%m.%Y %H:%M %z", "TIMESTAMP", "2.1.2024 03:04 +02:00", "TIMESTAMP", nullptr},
      {"", "%d.%m.%Y %H:%M %%Z", "", "2.1.2024 03:04 %Z", "TIMESTAMP", "2024-01-02 03:04:00"},
      {"", "%d.%m.%Y", "", "infinity", "VARCHAR", "infinity"},
      {"%d.%m.%Y", "", "", "epoch", "VARCHAR", "epoch"},
      {"%d.%m.%Y %H:%M", "", "", "2.1.2024 03:04", "VARCHAR", "2.1.2024 03:04"},
      {"%d.%m.%Y %H:%M", "", "DATE", "2.1.2024 03:04", "DATE", nullptr},
      {"%d.%m.%Y %H:%M", "", "DATE", "2.1.2024 00:00", "DATE", "2024-01-02"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i)
    put(fmt::format("t{}.csv", i), fmt::format("c,n\n{},1\n", cases[i].value));
  const Outcome outcome = run([&](Job& job) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      auto& spec = job.tables.emplace_back();
      spec.name = fmt::format("t{}", i);
      if (*cases[i].date != '\0') spec.date_format = cases[i].date;
      if (*cases[i].time != '\0') spec.timestamp_format = cases[i].time;
      if (*cases[i].set != '\0') spec.types = {{"c", cases[i].set}};
    }
  });
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string table = fmt::format("t{}", i), error = result(outcome, table).error;
    if (cases[i].row == nullptr) {
      EXPECT_EQ(error, fmt::format("{}.csv line 2 has '{}' in column 'c', which is not a {}", table,
                                   cases[i].value, cases[i].type));
      continue;
    }
    EXPECT_EQ(error, "");
    EXPECT_EQ(types(table), fmt::format("c {}, n BIGINT", cases[i].type)) << cases[i].value;
    EXPECT_EQ(rows(table), fmt::format("{}|1", cases[i].row));
  }
}

TEST_F(CsvTypes, SettingsSayHowNumbersAndDatesAreWritten) {
  struct Form {
    const char *decimal, *thousands, *order, *values, *type, *rows;
  };
  const std::vector<Form> cases = {
      {",", ".", "", "1.234,56\n-7,50\n1.234.567,00", "DECIMAL(18,2)", "1234.56;-7.50;1234567.00"},
      {",", "", "", "1,5\n2", "DOUBLE", "1.5;2.0"},
      {",", "", "", "1.5\n2.5", "VARCHAR", "1.5;2.5"},
      {",", ".", "", "1.23,5", "VARCHAR", "1.23,5"},
      {",", " ", "", "12 345\n6", "BIGINT", "12345;6"},
      {"", "'", "", "1'000.25", "DECIMAL(18,2)", "1000.25"},
      {"", ",", "", "1,000\n12,34", "VARCHAR", "1,000;12,34"},
      {",", ".", "", "007,5", "VARCHAR", "007,5"},
      {"", "", "dmy", "01/02/2024\n1.2.2024\n2024-12-31", "DATE", "2024-02-01;2024-02-01;2024-12-31"},
      {"", "", "mdy", "01/02/2024\n12/31/2024", "DATE", "2024-01-02;2024-12-31"},
      {"", "", "mdy", "31/12/2024", "VARCHAR", "31/12/2024"},
      {"", "", "ymd", "2024/1/5", "DATE", "2024-01-05"},
      {"", "", "dmy", "1.2.24", "VARCHAR", "1.2.24"},
      {",", ".", "dmy", "1.2.2024 10:15\n3.4.2024", "TIMESTAMP", "2024-02-01 10:15:00;2024-04-03 00:00:00"},
  };
  const auto set = [](std::optional<std::string>& setting, std::string_view value) {
    if (!value.empty()) setting = value;
  };
  for (std::size_t i = 0; i < cases.size(); ++i)
    put(fmt::format("t{}.csv", i), fmt::format("c;d\n{};\n", replaced(cases[i].values, "\n", ";\n")));
  EXPECT_EQ(messages(run([&](Job& job) {
              for (std::size_t i = 0; i < cases.size(); ++i) {
                TableSpec spec;
                spec.name = fmt::format("t{}", i);
                set(spec.decimal, cases[i].decimal);
                set(spec.thousands, cases[i].thousands);
                set(spec.date_order, cases[i].order);
                job.tables.push_back(spec);
              }
            })),
            "");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string table = fmt::format("t{}", i);
    EXPECT_EQ(types(table), fmt::format("c {}, d VARCHAR", cases[i].type)) << cases[i].values;
    EXPECT_EQ(rows(table), replaced(cases[i].rows, ";", "|-;") + "|-") << cases[i].values;
  }
}

TEST_F(CsvTypes, ASettingThatCannotBeIsNamed) {
  put("a.csv", "c\n1\n");
  const auto said = [&](const std::function<void(TableSpec&)>& change) {
    return result(run([&](Job& job) {
                    TableSpec spec;
                    spec.name = "a";
                    change(spec);
                    job.tables = {spec};
                  }),
                  "a")
        .error;
  };
  for (const auto& error : {said([](TableSpec& spec) { spec.decimal = ";"; }),
                            said([](TableSpec& spec) { spec.thousands = "."; }),
                            said([](TableSpec& spec) { spec.date_order = "dym"; }),
                            said([](TableSpec& spec) { spec.encoding = "utf-9"; }),
                            said([](TableSpec& spec) { spec.date_format = "%d.%q"; }),
                            said([](TableSpec& spec) { spec.date_format = "%d.%m.%Y %z"; }),
                            said([](TableSpec& spec) { spec.timestamp_format = "%H:%M:%S %"; }),
                            said([](TableSpec& spec) { spec.timestamp_format = "%Y-%m-%d %H:%M:%S.%n %z"; }),
                            said([](TableSpec& spec) { spec.timestamp_format = "%Y-%m-%d %H:%M %Z"; }),
                            said([](TableSpec& spec) { spec.quote = "ab"; }),
                            said([](TableSpec& spec) { spec.delimiter = ""; })}) {
    EXPECT_TRUE(error.starts_with("data_source.files.tables.a.")) << error;
    EXPECT_NE(error.find("must be"), std::string::npos) << error;
    EXPECT_TRUE(error.ends_with(": correct it, and restart")) << error;
  }
}

TEST_F(CsvTypes, ATypeThatIsSetRoundsNothing) {
  const std::vector<std::tuple<const char*, const char*, const char*>> wrong = {
      {"BIGINT", "1", "2.7"},
      {"INTEGER", "1", "3000000000"},
      {"DECIMAL(18,4)", "1.5", "1.23456"},
      {"DOUBLE", "1.5", "9007199254740993"},
      {"DATE", "2024-01-02", "01/02/2024"},
      {"TIMESTAMP", "2024-01-02 03:04:05", "2024-01-02T03:04:05+02:00"},
      {"BOOLEAN", "true", "maybe"},
      {"FLOAT", "0.1", "16777217"},
      {"FLOAT", "3.4028235e+38", "1e39"},
      {"FLOAT", "1e-40", "1e-50"},
      {"TIMESTAMP_S", "2024-01-02 03:04:05", "2024-01-02 03:04:05.5"},
      {"TIMESTAMP_MS", "2024-01-02 03:04:05.123", "2024-01-02 03:04:05.1234"},
      {"TIMESTAMP_NS", "2024-01-02 03:04:05.123456789", "2024-01-02 03:04:05.1234567891"},
      {"TIMESTAMP_NS", "2024-01-02", "2024-01-02 03:04:05+02:00"},
      {"TIME_NS", "10:15:00.123456789", "10:15:00.1234567891"},
      {"BIGINT[]", "[1]", "[2.7]"},
      {"BIGINT[][]", "[[1]]", "[[1], [2.7]]"},
      {"STRUCT(a BIGINT, b VARCHAR)", "{'a': 1; 'b': x}", "{'a': 2.7; 'b': x}"},
      {"MAP(VARCHAR, BIGINT)", "{k=1}", "{k=2.7}"},
      {"DATE[]", "[2024-01-02]", "[2024-01-02 10:00:00]"},
      {"TIMESTAMP[]", "[2024-01-02]", "[2024-01-02T03:04:05+02:00]"},
      {"DOUBLE[]", "[0.1]", "[9007199254740993]"},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const auto& [type, good, bad] = wrong[i];
    const auto quoted = [](const char* text) { return '"' + replaced(text, ";", ",") + '"'; };
    put(fmt::format("t{}.csv", i), fmt::format("a,c\n\"x\ny\",{}\nz,\nz,{}\n", quoted(good), quoted(bad)));
    put(fmt::format("g{}.csv", i), fmt::format("c\n{}\n", quoted(good)));
  }
  const Outcome outcome = run([&](Job& job) {
    for (std::size_t i = 0; i < wrong.size(); ++i) {
      TableSpec spec;
      spec.types = {{"c", std::get<0>(wrong[i])}};
      for (const char* file : {"t", "g"}) {
        spec.name = fmt::format("{}{}", file, i);
        job.tables.push_back(spec);
      }
    }
  });
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const auto& [type, good, bad] = wrong[i];
    const auto& found = result(outcome, fmt::format("t{}", i));
    EXPECT_EQ(found.status, "failed") << type;
    EXPECT_EQ(found.error, fmt::format("t{}.csv line 5 has '{}' in column 'c', which is not a {}", i,
                                       replaced(bad, ";", ","), type));
    EXPECT_EQ(result(outcome, fmt::format("g{}", i)).status, "ok")
        << result(outcome, fmt::format("g{}", i)).error;
  }
}

}  // namespace
}  // namespace agnes::connectors::files
