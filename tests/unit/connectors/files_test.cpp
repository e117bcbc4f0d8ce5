// What becomes of files: formats, types, names, and what is refused.
#include <unistd.h>

#include "connectors/files/scan.h"
#include "connectors/files_fixture.h"
#include "lib/base/hash.h"

namespace agnes::connectors::files {
namespace {

TEST_F(Files, EveryFormatBecomesATable) {
  put("a.csv", "id,name\n1,ann\n2,bob\n");
  put("b.tsv", "id\tname\n1,5\tann\n");
  put("c.json", "[{\"id\": 1, \"name\": \"ann\"}, {\"id\": 2, \"name\": \"bob\"}]");
  put("d.json", "{\"id\": 1, \"name\": \"ann\"}\n{\"id\": 2, \"name\": \"bob\"}\n");
  put("e.jsonl", "{\"id\": 1, \"nested\": {\"x\": [1, 2]}}\n");
  put("f.ndjson", "{\"id\": 1}\n{\"id\": 2, \"rare\": true}\n");
  const std::string select = "SELECT i AS id, 'x' || i AS name FROM range(3) t(i)";
  copy_to("g.parquet", select, "FORMAT parquet");
  copy_to("h.csv.gz", select, "FORMAT csv, HEADER, COMPRESSION gzip");
  copy_to("i.csv.zst", select, "FORMAT csv, HEADER, COMPRESSION zstd");
  copy_to("j.tsv.gz", select, "FORMAT csv, HEADER, DELIMITER '\t', COMPRESSION gzip");
  copy_to("k.json.gz", select, "FORMAT json, ARRAY true, COMPRESSION gzip");
  copy_to("l.jsonl.zst", select, "FORMAT json, COMPRESSION zstd");
  put("semicolons.csv", "a;b;c\n1;2,5;x\n");
  put("UPPER.CSV", "a\n1\n");
  put("bom.csv", "\xEF\xBB\xBFid,b\r\n1,2\r\n");
  put("header-only.csv", "a,b\n");
  put("quoted.csv", "\"a,1\",\"b\n2\"\n\"x \"\"y\"\"\",\"line\nbreak\"\n");
  put("readme.md", "no table");
  put(".hidden.csv", "a\n1\n");
  put("_SUCCESS.csv", "a\n1\n");

  const Outcome outcome = run();
  ASSERT_EQ(messages(outcome), "");
  EXPECT_EQ(outcome.tables.size(), 17u);
  EXPECT_EQ(outcome.ignored, 1);
  for (const auto& table : outcome.tables) EXPECT_EQ(table.status, "ok") << table.name << table.error;
  EXPECT_EQ(rows("a"), "1|ann;2|bob");
  EXPECT_EQ(types("a"), "id BIGINT, name VARCHAR");
  EXPECT_EQ(rows("b"), "1,5|ann");
  EXPECT_EQ(rows("c"), "1|ann;2|bob");
  EXPECT_EQ(rows("d"), rows("c"));
  EXPECT_EQ(types("e"), "id BIGINT, nested STRUCT(x BIGINT[])");
  EXPECT_EQ(rows("f"), "1|-;2|true");
  for (const char* same : {"g", "h", "i", "j", "k", "l"}) EXPECT_EQ(rows(same), "0|x0;1|x1;2|x2") << same;
  EXPECT_EQ(rows("semicolons"), "1|2,5|x");
  EXPECT_EQ(types("bom"), "id BIGINT, b BIGINT");
  EXPECT_EQ(types("header_only"), "a VARCHAR, b VARCHAR");
  EXPECT_EQ(types("quoted"), "a,1 VARCHAR, b\n2 VARCHAR");
  EXPECT_EQ(rows("quoted"), "x \"y\"|line\nbreak");
  EXPECT_EQ(result(outcome, "a").hash, md5_file(extract_dir() / "data" / "a.parquet"));
  const auto read = catalogue();
  EXPECT_EQ(read.tables.size(), 17u);
  EXPECT_TRUE(read.problems.empty());
}

TEST_F(Files, TypesComeFromTheWholeFile) {
  struct Case {
    const char* name;
    std::string content, types, last;
  };
  const int many = 25'000;
  const Case cases[] = {
      {"late_double", many_rows("a,b", "1,x", many, "1.5,y"), "a DOUBLE, b VARCHAR", "1.5|y"},
      {"late_text", many_rows("a,b", "1,2", many, "n/a,3"), "a VARCHAR, b BIGINT", "n/a|3"},
      {"late_time", many_rows("a", "2026-01-02", many, "2026-01-02 03:04:05"), "a TIMESTAMP",
       "2026-01-02 03:04:05"},
      {"late_sign", many_rows("a", "5", many, " +5"), "a VARCHAR", " +5"},
      {"late_exponent", many_rows("a", "5", many, "1e-1"), "a DOUBLE", "0.1"},
      {"late_zeros", many_rows("a", "5", many, "007"), "a VARCHAR", "007"},
      {"late_empty", many_rows("a,b", "5,x", many, ",y"), "a BIGINT, b VARCHAR", "-|y"},
      {"late_value", many_rows("a,b", ",1", many, "7,1"), "a BIGINT, b BIGINT", "7|1"},
      {"late_big", many_rows("a", "1", many, "12345678901234567890"), "a VARCHAR", "12345678901234567890"},
      {"late_bool", many_rows("a", "true", many, "maybe"), "a VARCHAR", "maybe"},
      {"late_month", many_rows("a", "01/02/2026", many, "12/31/2026"), "a VARCHAR", "12/31/2026"},
      {"late_day", many_rows("a", "01/02/2026", many, "31/12/2026"), "a VARCHAR", "31/12/2026"},
      {"big", "a,b\n12345678901234567890,1\n12345678901234567891,2\n", "a VARCHAR, b BIGINT",
       "12345678901234567891|2"},
      {"zeros", "zip\n10001\n00501\n", "zip VARCHAR", "00501"},
      {"german", "d,t\n31.12.2026,31.12.2026 10:30:00\n", "d VARCHAR, t VARCHAR",
       "31.12.2026|31.12.2026 10:30:00"},
      {"numbers", "a,b\n1.5,1e+3\n2,-4\n", "a DOUBLE, b DOUBLE", "2.0|-4.0"},
      {"texts", "name,city\nann,prague\n", "name VARCHAR, city VARCHAR", "ann|prague"},
  };
  for (const auto& item : cases) put(std::string(item.name) + ".csv", item.content);
  const Outcome outcome = run();
  EXPECT_EQ(messages(outcome), "");
  for (const auto& item : cases) {
    EXPECT_EQ(types(item.name), item.types) << item.name;
    const std::string all = rows(item.name);
    EXPECT_EQ(all.substr(all.rfind(';') + 1), item.last) << item.name;
  }
}

TEST_F(Files, JsonTypesComeFromTheWholeFile) {
  std::string lines;
  for (int i = 0; i < 25'000; ++i) lines += "{\"a\": 1, \"t\": 1}\n";
  put("late.ndjson", lines + "{\"a\": 1.5, \"t\": \"x\", \"new\": [1]}\n");
  put("signs.json", "[{\"a\": 1, \"b\": 18446744073709551615}, {\"a\": -5, \"b\": -1}]");
  put("mixed.json", "[{\"a\": {\"x\": 1}}, {\"a\": 7}]");
  std::string wide;
  for (int i = 0; i < 300; ++i) wide += fmt::format("{{\"k{}\": {}}}\n", i, i);
  put("wide.jsonl", wide);
  const Outcome outcome = run();
  EXPECT_EQ(messages(outcome), "");
  EXPECT_EQ(types("late"), "a DOUBLE, t VARCHAR, new BIGINT[]");
  const std::string all = rows("late");
  EXPECT_EQ(all.substr(all.rfind(';') + 1), "1.5|x|[1]");
  EXPECT_EQ(types("signs"), "a BIGINT, b VARCHAR");
  EXPECT_EQ(rows("signs"), "1|18446744073709551615;-5|-1");
  EXPECT_EQ(types("mixed"), "a JSON");
  EXPECT_EQ(result(outcome, "wide").columns.size(), 300u);
  EXPECT_EQ(result(outcome, "wide").rows, 300);
}

TEST_F(Files, TypesAndFormatsCanBeSet) {
  put("a.csv", "id,amount,when\n007,1.25,2026-01-02\n");
  put("odd.txt.csv", "notes first\nx|'a|b'|NA\ny|'c'|2\n");
  put("c.json", "[{\"id\": 1, \"n\": \"2\"}]");
  copy_to("d.parquet", "SELECT 1 AS id, '5' AS n", "FORMAT parquet");
  put("latin.csv", "a\ncaf\xe9\n");
  const auto configure = [](Job& job) {
    TableSpec a, odd, c, d, latin;
    a.name = "a";
    a.types = {{"amount", "DECIMAL(9,2)"}, {"id", "BIGINT"}, {"when", "VARCHAR"}};
    a.description = "amounts";
    odd.name = "renamed";
    odd.source = "odd.txt.csv";
    odd.header = false;
    odd.delimiter = "|";
    odd.quote = "'";
    odd.null_text = "NA";
    odd.skip = 1;
    c.name = "c";
    c.types = {{"n", "INTEGER"}};
    d.name = "d";
    d.types = {{"n", "INTEGER"}};
    latin.name = "latin";
    latin.encoding = "latin-1";
    job.tables = {a, odd, c, d, latin};
  };
  const Outcome outcome = run(configure);
  ASSERT_EQ(messages(outcome), "");
  EXPECT_EQ(types("a"), "id BIGINT, amount DECIMAL(9,2), when VARCHAR");
  EXPECT_EQ(rows("a"), "7|1.25|2026-01-02");
  EXPECT_EQ(rows("renamed"), "x|a|b|-;y|c|2");
  EXPECT_EQ(types("c"), "id BIGINT, n INTEGER");
  EXPECT_EQ(types("d"), "id INTEGER, n INTEGER");
  EXPECT_EQ(rows("latin"), "café");
  EXPECT_EQ(catalogue().tables.at(0).description, "amounts");

  // A type that does not fit is the operator's to change: it names the line, and widens nothing.
  replace("a.csv", "id,amount,when\n1,1.25,x\nseven,1.25,y\n");
  const Outcome unfit = run(configure);
  EXPECT_EQ(result(unfit, "a").line, 3) << messages(unfit);
  EXPECT_EQ(rows("a"), "7|1.25|2026-01-02");
  for (const auto& [column, type, said] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"amuont", "DOUBLE", "the column 'amuont', which the table does not have"},
           {"amount", "DOUBLE); DROP TABLE x; --", "is no type"},
           {"amount", "NO_SUCH_TYPE", "NO_SUCH_TYPE"}}) {
    const Outcome wrong = run([&](Job& job) {
      TableSpec spec;
      spec.name = "a";
      spec.types = {{column, type}};
      job.tables = {spec};
      job.only = {{"a"}};
    });
    EXPECT_EQ(result(wrong, "a").status, "failed");
    EXPECT_NE(messages(wrong).find(said), std::string::npos) << messages(wrong);
  }
}

TEST_F(Files, AMalformedFileNamesItsLineAndKeepsTheLastGoodVersion) {
  struct Case {
    std::string name, content;
    std::optional<std::int64_t> line;
    std::string said;
  };
  const std::string good = "a,b,c\n1,2,3\n";
  const Case cases[] = {
      {"short.csv", good + "4,5\n6,7,8\n", 3, "has 2 values where the header has 3"},
      {"long.csv", good + "4,5,6,7\n", 3, "has 4 values where the header has 3"},
      {"late_short.csv", many_rows("a,b,c", "1,2,3", 30'000, "1,2"), 30'002, "has 2 values"},
      {"late_long.csv", many_rows("a,b,c", "1,2,3", 30'000, "1,2,3,4"), 30'002, "has 4 values"},
      {"short_header.csv", "a,b\n1,2,3\n4,5,6\n", 2, "has 3 values where the header has 2"},
      {"long_header.csv", "a,b,c,d\n1,2,3\n4,5,6\n", 2, "has 3 values where the header has 4"},
      {"one_column.csv", "name\nann\nbob,x\n", 3, "has 2 values where the header has 1"},
      {"notes.csv", "some notes\nmore\na,b\n1,2\n", 3, "has 2 values where the header has 1"},
      {"quote.csv", good + "4,\"5,6\n7,8,9\n", 3, ""},
      {"latin.csv", "a,b\n1,caf\xe9\n", 2, "is not UTF-8"},
      {"empty.csv", "", std::nullopt, "is empty"},
      {"blank.csv", "\n\n\n", std::nullopt, "is empty"},
      {"binary.csv", std::string("\x00\x01\xff\xfe\x00,\n\x80\x81,\n", 12), 1, "has a NUL byte"},
      {"comma.json", "[{\"a\": 1},\n{\"a\": 2},\n{\"a\": 3,,}\n]", 3, "is not JSON"},
      {"cut.json", "[{\"a\": 1},\n{\"a\": 2},\n{\"a\": 3", 3, "is not JSON"},
      {"line.ndjson", "{\"a\": 1}\n\n{\"a\": 2}\n{\"a\":\n{\"a\": 4}\n", 4, "is not JSON"},
      {"csv.json", "a,b\n1,2\n", 1, "is not JSON"},
      {"nothing.json", "", std::nullopt, "is empty"},
      {"nothing.parquet", "", std::nullopt, "is not a Parquet file"},
      {"text.parquet", "PAR1 this is text PAR1", std::nullopt, "text.parquet"},
      {"cut.csv.gz", "\x1f\x8b\x08", std::nullopt, "cut.csv.gz"},
      {"text.csv.zst", "not packed at all", std::nullopt, "text.csv.zst"},
  };
  put("fine.csv", "a\n1\n");
  // First good ones under the same names.
  for (const auto& item : cases) {
    const std::string lower = item.name;
    if (lower.ends_with(".parquet"))
      copy_to(lower, "SELECT 42 AS a", "FORMAT parquet");
    else if (lower.ends_with(".gz"))
      copy_to(lower, "SELECT 42 AS a", "FORMAT csv, HEADER, COMPRESSION gzip");
    else if (lower.ends_with(".zst"))
      copy_to(lower, "SELECT 42 AS a", "FORMAT csv, HEADER, COMPRESSION zstd");
    else if (lower.ends_with("json"))
      put(lower, "{\"a\": 42}\n{\"a\": 43}\n");
    else
      put(lower, "a\n42\n");
  }
  // Names that would be one table twice go without their endings' likes.
  const auto configure = [&](Job& job) {
    for (const auto& item : cases) {
      TableSpec spec;
      spec.source = item.name;
      spec.name = item.name;
      std::replace(spec.name.begin(), spec.name.end(), '.', '_');
      job.tables.push_back(spec);
    }
  };
  ASSERT_EQ(messages(run(configure)), "");
  for (const auto& item : cases) replace(item.name, item.content);
  replace("fine.csv", "a\n2\n");
  for (int round = 1; round <= 2; ++round) {
    const Outcome outcome = run(configure);
    for (const auto& item : cases) {
      std::string table = item.name;
      std::replace(table.begin(), table.end(), '.', '_');
      const auto& found = result(outcome, table);
      EXPECT_EQ(found.status, "failed") << item.name << " in round " << round;
      EXPECT_EQ(found.line, item.line) << item.name << ": " << found.error;
      EXPECT_TRUE(found.error.starts_with(item.name)) << found.error;
      EXPECT_NE(found.error.find(item.said), std::string::npos) << found.error;
      EXPECT_EQ(found.error.find(root().string()), std::string::npos) << found.error;
      EXPECT_EQ(found.error.find('\n'), std::string::npos) << found.error;
      const std::string line = item.line ? fmt::format("line {}", *item.line) : "";
      EXPECT_NE(found.error.find(line), std::string::npos) << found.error;
      EXPECT_TRUE(rows(table).starts_with("42")) << item.name;
    }
    EXPECT_EQ(rows("fine"), "2") << "the others proceed";
  }
  EXPECT_EQ(catalogue().tables.size(), std::size(cases) + 1);
}

TEST_F(Files, WhatIsInTheWayOfJsonRowsIsAnErrorWithItsLine) {
  put("some.json", "[{\"a\": 1},\n5]");
  put("later.jsonl", "{\"a\": 1}\n{\"a\": 2}\nnull\n");
  put("first.jsonl", "7\n{\"a\": 1}\n");
  put("list.jsonl", "[{\"a\": 1}]\n");
  std::string ids;
  for (int i = 0; i < 1500; ++i) ids += fmt::format("{{\"id{}\": 1}}\n", i);
  put("ids.jsonl", ids);
  put("long.json", "[{\"a\": 1},\n{\"a\": \"" + std::string(17 << 20, 'x') + "\"}]");
  put("folder/a.json", "[{\"a\": 1}]");
  put("folder/b.json", "[1, 2]");
  put("document/a.json", "[{\"a\": 1}]");
  put("document/b.json", "{\"a\": {\"b\": 1}}");
  put("documents/a.json", "{\"a\": {\"b\": 1}}");
  put("documents/b.json", "{\"a\": {\"b\": 1}}");
  const Outcome outcome = run();
  const std::tuple<const char*, std::optional<std::int64_t>, const char*> cases[] = {
      {"some", 2, "some.json line 2 holds a number where a table has objects with named values"},
      {"later", 3, "later.jsonl line 3 holds null where a table has objects with named values"},
      {"first", 1, "first.jsonl line 1 holds a number where a table has objects with named values"},
      {"list", 1,
       "list.jsonl line 1 holds a list where a table has objects with named values: write one a line, or end "
       "the "
       "name in .json"},
      {"ids", 1001,
       "ids.jsonl line 1001 has the key number 1001, and a table has 1000 columns at most; with ids as keys, "
       "put "
       "the id into a value"},
      {"long", 2, "long.json line 2 has a value of more than 16 MB, which no row of a table may have"},
      {"folder", 1, "folder/b.json line 1 holds a number where a table has objects with named values"},
      {"document",
       {},
       "document/b.json is one object with nested values (a); a table is a list of objects, or one object a "
       "line"},
  };
  for (const auto& [table, line, said] : cases) {
    EXPECT_EQ(result(outcome, table).status, "failed") << table;
    EXPECT_EQ(result(outcome, table).error_kind, "malformed") << table;
    EXPECT_EQ(result(outcome, table).error, said);
    EXPECT_EQ(result(outcome, table).line, line) << table;
  }
  EXPECT_EQ(result(outcome, "documents").status, "skipped") << "nothing of it is a table";
}

TEST_F(Files, AFileWithoutRowsAmongOthersIsNoRows) {
  put("lists/a.json", "[]");
  put("lists/b.json", "[{\"a\": 1}]");
  put("lists/c.json", "");
  put("lines/a.jsonl", "");
  put("lines/b.jsonl", "{\"a\": 1}\n");
  put("csv/k=1/a.csv", "");
  put("csv/k=2/b.csv", "a\n1\n");
  put("all/a.csv", "");
  put("all/b.csv", "");
  put("none/a.json", "[]");
  put("none/b.json", "[]");
  const Outcome outcome = run();
  for (const char* table : {"lists", "lines"}) EXPECT_EQ(rows(table), "1");
  EXPECT_EQ(rows("csv"), "1|2");
  EXPECT_EQ(result(outcome, "all").error, "all/a.csv is empty: it has no header");
  EXPECT_EQ(result(outcome, "none").status, "skipped");
}

TEST_F(Files, WhatIsNoTableIsToldApart) {
  put("map.json", "{\"type\": \"Topology\", \"objects\": {\"x\": 1}, \"arcs\": [[1]]}");
  put("scalars.json", "[1, 2, 3]");
  put("lists.json", "[[1, 2], [3]]");
  put("null.json", "null");
  put("none.json", "[]");
  put("hollow.json", "[{}]");
  put("record.json", "{\"a\": 1, \"b\": \"x\"}");
  put("nested.jsonl", "{\"a\": {\"b\": 1}}\n");
  std::string ids;
  for (int i = 0; i < 1500; ++i) ids += fmt::format("{}\"id{}\": 1", i > 0 ? ", " : "{", i);
  put("ids.json", ids + "}");
  put("long.json", "{\"a\": \"" + std::string(17 << 20, 'x') + "\"}");
  const Outcome outcome = run();
  for (const char* name : {"map", "scalars", "lists", "null", "none", "hollow", "ids", "long"}) {
    EXPECT_EQ(result(outcome, name).status, "skipped") << name;
    EXPECT_TRUE(result(outcome, name).error.starts_with(fmt::format("{}.json ", name)))
        << result(outcome, name).error;
  }
  EXPECT_EQ(rows("record"), "1|x");
  EXPECT_EQ(types("nested"), "a STRUCT(b BIGINT)");
  replace("record.json", "{\"a\": {\"b\": 1}}");
  EXPECT_EQ(result(run(), "record").status, "failed") << "it was a table before";
  EXPECT_EQ(rows("record"), "1|x");
}

TEST_F(Files, TwoFilesForOneNameAreBothNamedAndNeitherWrites) {
  put("sales.csv", "a\n1\n");
  ASSERT_EQ(messages(run()), "");
  put("Sales.json", "[{\"a\": 2}]");
  put("other.csv", "a\n1\n");
  const Outcome outcome = run();
  ASSERT_EQ(outcome.problems.size(), 1u) << messages(outcome);
  EXPECT_EQ(outcome.problems[0].kind, "collision");
  EXPECT_EQ(outcome.problems[0].files, (std::vector<std::string>{"Sales.json", "sales.csv"}));
  EXPECT_EQ(rows("sales"), "1") << "the last good version stays";
  EXPECT_EQ(rows("other"), "1");
  const Outcome renamed = run([](Job& job) {
    TableSpec spec;
    spec.source = "Sales.json";
    spec.name = "sales_2";
    job.tables = {spec};
  });
  EXPECT_EQ(messages(renamed), "");
  EXPECT_EQ(rows("sales_2"), "2");
}

TEST_F(Files, NamesBecomeIdentifiersOrAreRefused) {
  const std::pair<const char*, const char*> good[] = {
      {"flights-3m.parquet", "flights_3m"},
      {"2024 sales.csv.gz", "_2024_sales"},
      {"a.b.csv", "a_b"},
      {"A & B (new).json", "A_B_new"},
      {"londonBoroughs.json", "londonBoroughs"},
      {"x--y__z.tsv", "x_y__z"},
      {"order.csv", "order"},
      {"data[1].csv", "data_1"},
      {"a.csv.csv", "a_csv"},
      {"folder", "folder"},
      {"year=2024", "year_2024"},
      {"x.PARQUET", "x"},
  };
  for (const auto& [file, table] : good) EXPECT_EQ(table_name(file).name, table) << file;
  const std::string long_name(65, 'x');
  for (const std::string& file :
       {std::string("a'b.csv"), std::string("a;b.csv"), std::string("a\"b.csv"), std::string("a\nb.csv"),
        std::string("a\\b.csv"), std::string("a$b.csv"), std::string("a*b.csv"), std::string("ž.csv"),
        std::string("-.csv"), std::string("...csv"), long_name + ".csv", std::string("duckdb_tables.csv"),
        std::string("sqlite_master.json"), std::string("pg_class.csv"), std::string("information_schema.csv"),
        std::string("a%b.csv"), std::string("a:b.csv"), std::string("a|b.csv"), std::string("a`b.csv")}) {
    EXPECT_EQ(table_name(file).name, "") << file;
    EXPECT_NE(table_name(file).reason, "") << file;
  }
}

TEST_F(Files, RefusedNamesAreReportedAndHarmless) {
  put("x'); DROP TABLE y; --.csv", "a\n1\n");
  put("naïve.csv", "a\n1\n");
  put("fine.csv", "a\n1\n");
  const Outcome outcome = run();
  EXPECT_EQ(outcome.tables.size(), 1u);
  EXPECT_EQ(outcome.problems.size(), 2u);
  for (const auto& problem : outcome.problems) EXPECT_EQ(problem.kind, "refused");
}

TEST_F(Files, FileNamesAreNotPatterns) {
  put("a1.csv", "a\n9\n");
  put("a[1].csv", "a\n1\n");
  put("q/part[0].csv", "a\n5\n");
  put("q/part0.csv", "a\n6\n");
  fs::create_directories(root() / "odd [0-9]*?");
  const Outcome outcome = run([](Job& job) {
    TableSpec spec;
    spec.source = "a[1].csv";
    spec.name = "bracket";
    job.tables = {spec};
  });
  EXPECT_EQ(messages(outcome), "");
  EXPECT_EQ(rows("bracket"), "1");
  EXPECT_EQ(rows("q"), "6;5");
  fs::rename(source(), root() / "odd [0-9]*?" / "source");
  const Outcome moved = run([&](Job& job) {
    job.path = root() / "odd [0-9]*?" / "source";
    job.extract_dir = root() / "extracts" / "other [a]" / "files";
  });
  EXPECT_EQ(result(moved, "a1").rows, 1) << messages(moved);
}

TEST_F(Files, LinksThatLeadOutAreRefused) {
  std::ofstream(root() / "secret.csv") << "secret\n1\n";
  fs::create_directories(root() / "elsewhere");
  std::ofstream(root() / "elsewhere" / "x.csv") << "secret\n1\n";
  put("inside.csv", "a\n1\n");
  put("q/part.csv", "a\n1\n");
  fs::create_symlink(root() / "secret.csv", source() / "out.csv");
  fs::create_symlink("../secret.csv", source() / "relative.csv");
  fs::create_symlink("/nowhere/at/all.csv", source() / "dangling.csv");
  fs::create_symlink("loop.csv", source() / "loop.csv");
  fs::create_symlink(root() / "elsewhere", source() / "folder");
  fs::create_symlink(source(), source() / "self");
  fs::create_symlink(root() / "secret.csv", source() / "q" / "other.csv");
  fs::create_symlink("inside.csv", source() / "within.csv");
  fs::create_symlink("/etc/passwd", source() / "notes.txt");
  ASSERT_EQ(::mkfifo((source() / "pipe.csv").c_str(), 0600), 0);
  const Outcome outcome = run();
  std::set<std::string> refused;
  for (const auto& problem : outcome.problems)
    if (problem.kind == "refused") refused.insert(problem.files.at(0));
  EXPECT_EQ(refused, (std::set<std::string>{"out.csv", "relative.csv", "dangling.csv", "loop.csv", "folder",
                                            "self", "q/other.csv", "pipe.csv"}))
      << messages(outcome);
  EXPECT_NE(messages(outcome).find("'self' is refused: it is a link to a folder"), std::string::npos);
  EXPECT_EQ(outcome.tables.size(), 2u) << "inside and within; q is not read in part";
  EXPECT_EQ(rows("within"), "1");
}

TEST_F(Files, AFolderThatCannotBeEnteredIsTold) {
  put("d/a.csv", "a\n1\n");
  const Job wanted = job();
  fs::permissions(root(), fs::perms(0755));
  fs::permissions(source() / "d", fs::perms(0444));
  // As an account that modes bind; the tests may run as another.
  const bool changed = ::seteuid(65534) == 0;
  const auto found = scan(wanted);
  if (changed) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  fs::permissions(source() / "d", fs::perms(0755));
  ASSERT_EQ(found.problems.size(), 1u);
  EXPECT_EQ(found.problems[0].message,
            "folder 'd' cannot be read: Permission denied; let the server's account read and enter it");
}

TEST_F(Files, TwoTablesOfOneSourceAreTold) {
  put("x.csv", "a\n1\n");
  const Outcome outcome = run([](Job& job) {
    for (const char* name : {"first", "second"}) {
      auto& spec = job.tables.emplace_back();
      spec.name = name;
      spec.source = "x.csv";
    }
  });
  EXPECT_EQ(
      messages(outcome),
      "data_source.files.tables.second.source: 'x.csv' is the table first already: take one of the two out, "
      "and restart\n");
  EXPECT_EQ(rows("first"), "1");
}

TEST_F(Files, PathsThatClimbAreRefused) {
  put("a.csv", "a\n1\n");
  EXPECT_THROW(run([&](Job& job) { job.path = source().string() + "/../source"; }), Error);
  EXPECT_THROW(run([&](Job& job) { job.path = (root() / "missing").string(); }), Error);
  EXPECT_THROW(run([&](Job& job) { job.path = ""; }), Error);
  // A linked folder of sources is the operator's choice.
  fs::create_symlink(source(), root() / "link");
  EXPECT_EQ(run([&](Job& job) { job.path = root() / "link"; }).tables.size(), 1u);
}

}  // namespace
}  // namespace agnes::connectors::files
