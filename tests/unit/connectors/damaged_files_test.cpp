// Files that break the engine, are cut off or damaged: they are named, and nothing else suffers.
#include "connectors/files_fixture.h"
#include "lib/base/hash.h"

namespace agnes::connectors::files {
namespace {

// A shredded VARIANT without `value`: legal, and DuckDB fails an assertion of its own.
constexpr const char* kShreddedVariant =
    "UEFSMRUAFRoVGiwVAhUAFQYVBhwAAAACAAAAAgEDAAAAAQAAFQAVFBUULBUCFQAVBhUGHAAAAAIAAAACAiIAAAAVBBlMNQAYBnNj"
    "aGVtYRUCADUCGAF2FQRcDCAAAAAVDCUAGAhtZXRhZGF0YQAVAiUCGAt0eXBlZF92YWx1ZQAWAhkcGSwmABwVDBklBgAZKAF2CG1l"
    "dGFkYXRhFQAWAhZAFkAmCEkcFQAVABUCADwWBhkGGSYAAgAAACYAHBUCGSUGABkoAXYLdHlwZWRfdmFsdWUVABYCFjoWOiZISRwV"
    "ABUAFQIAPCkGGTYAAAIAAAAWehYCJggWegA5LBwAABwAAADDAAAAUEFSMQ==";

std::string content(const fs::path& file) {
  return read_file(file).value();
}

TEST_F(Files, AFileThatBreaksTheEngineIsBlamedAloneAndTheOthersProceed) {
  const std::string bad = from_base64(kShreddedVariant).value();
  put("aa.csv", "a\n1\n");
  put("mm.parquet", bad);
  put("nn.parquet", bad);
  put("pp/one.parquet", bad);
  put("pp/two.parquet", bad);
  put("xx.json", "[{\"a\": 1}]");
  copy_to("yy.parquet", "SELECT 1 AS a", "FORMAT parquet");
  put("zz.csv", "a\n1\n");
  for (int round = 1; round <= 2; ++round) {
    const Outcome outcome = run();
    for (const char* table : {"mm", "nn", "pp"}) {
      EXPECT_EQ(result(outcome, table).status, "failed") << table;
      EXPECT_NE(result(outcome, table).error.find(std::string(table).substr(0, 2)), std::string::npos)
          << result(outcome, table).error;
      EXPECT_EQ(result(outcome, table).error.find("invalidated"), std::string::npos)
          << result(outcome, table).error;
    }
    for (const char* table : {"aa", "xx", "yy", "zz"})
      EXPECT_EQ(result(outcome, table).status, round == 1 ? "ok" : "unchanged")
          << result(outcome, table).error;
  }
}

TEST_F(Files, NamesThatAreNoUtf8AreRefusedAloneAndShownAsText) {
  put("good.csv", "a\n1\n");
  put("m\xfcller.csv", "a\n1\n");
  put("\xff/inner.csv", "a\n1\n");
  put("sales/1.csv", "a\n1\n");
  put("sales/\xc3\x28\n.csv", "a\n1\n");
  put("readme-\xfc.txt", "no table");
  fs::create_symlink(source() / "m\xfcller.csv", source() / "link.csv");
  const Outcome outcome = run();
  const auto told = json::from_json<Outcome>(boost::json::parse(json::to_text(outcome)));
  std::set<std::string> said;
  for (const auto& problem : told.problems) {
    EXPECT_EQ(problem.kind, "refused");
    said.insert(problem.message);
  }
  EXPECT_EQ(said, (std::set<std::string>{
                      "'m\\xFCller.csv' is refused: its name is not UTF-8; rename it",
                      "'\\xFF' is refused: its name is not UTF-8; rename it",
                      "'sales/\\xC3(\\n.csv' is refused: its name is not UTF-8; rename it",
                      "'link.csv' is refused: it is a link to a name that is not UTF-8; rename that one",
                  }));
  ASSERT_EQ(told.tables.size(), 1u) << "a folder is no table in part";
  EXPECT_EQ(told.tables[0].name, "good");
  EXPECT_EQ(told.tables[0].status, "ok");
  const Discovery found = discover(job(), 0);
  EXPECT_EQ(json::from_json<Discovery>(boost::json::parse(json::to_text(found))).tables.size(), 1u);
}

TEST_F(Files, WhatALedgerBlamesOnAFileForABrokenEngineHealsByItself) {
  put("a.csv", "a\n1\n,2,3\n");
  ASSERT_EQ(result(run(), "a").status, "failed");
  const fs::path ledger = extract_dir() / ".agnes-sources.json";
  auto entries = boost::json::parse(content(ledger));
  entries.at("a").as_object()["error"] =
      "a.csv cannot be read: FATAL Error: Failed: database has been invalidated because of a previous error";
  replace_file(ledger, boost::json::serialize(entries));
  const Outcome outcome = run();
  EXPECT_EQ(result(outcome, "a").error.find("invalidated"), std::string::npos) << result(outcome, "a").error;
  EXPECT_EQ(result(outcome, "a").line, 3);
}

TEST_F(Files, CompressedFilesAreReadToTheirEndBeforeTheyCount) {
  for (const char* packing : {"gzip", "zstd"}) {
    const std::string ending = std::string(packing) == "gzip" ? "gz" : "zst";
    const std::string name = "g.csv." + ending,
                      options = "FORMAT csv, HEADER, COMPRESSION " + std::string(packing);
    copy_to(name, "SELECT i AS id, i * 7919 % 1000003 AS v FROM range(200000) t(i)", options);
    ASSERT_EQ(messages(run()), "");
    const std::string whole = content(source() / name);
    std::string flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(~flipped[flipped.size() / 2]);
    std::vector<std::pair<std::string, std::string>> bad = {
        {whole.substr(0, whole.size() - 20'000), "cut off"},
        {whole.substr(0, whole.size() - 1), "cut off"},
        {whole.substr(0, 3), "cut off"},
        {"", "is empty"},
        {"id,v\n1,2\n", "is not compressed"},
        {whole + "more", "has something behind its compressed contents that is not " + std::string(packing)},
    };
    if (ending == "gz") {
      std::string checksum = whole;
      checksum[checksum.size() - 6] = static_cast<char>(~checksum[checksum.size() - 6]);
      bad.emplace_back(checksum, "damaged");
      bad.emplace_back(flipped, "damaged");
      bad.emplace_back(whole.substr(0, whole.size() - 8), "cut off");
    }
    for (const auto& [text, said] : bad) {
      replace(name, text);
      const Outcome outcome = run();
      EXPECT_EQ(result(outcome, "g").status, "failed") << name << said;
      EXPECT_TRUE(result(outcome, "g").error.starts_with(name)) << result(outcome, "g").error;
      EXPECT_NE(result(outcome, "g").error.find(said), std::string::npos) << result(outcome, "g").error;
      EXPECT_EQ(result(outcome, "g").rows, 200'000) << "the last good version stays";
    }
    fs::remove(source() / name);
  }
}

TEST_F(Files, CompressedFilesOfSeveralPartsAndAnyCaseOfEndingAreRead) {
  for (const auto& [packing, ending] : {std::pair{"gzip", ".GZ"}, {"zstd", ".Zst"}}) {
    const std::string table = packing;
    const std::string options = ", COMPRESSION " + table;
    copy_to("one", "SELECT 1 AS a, 2 AS b", "FORMAT csv, HEADER" + options);
    copy_to("two", "SELECT 3, 4", "FORMAT csv, HEADER false" + options);
    put(table + ".csv" + ending, content(source() / "one") + content(source() / "two"));
    put("j" + table + "/part=1/x.JSONL" + ending, content(source() / "one"));
    copy_to("j" + table + "/part=1/x.JSONL" + ending, "SELECT 1 AS a", "FORMAT json" + options);
  }
  const Outcome outcome = run();
  ASSERT_EQ(messages(outcome), "");
  EXPECT_EQ(rows("gzip"), "1|2;3|4");
  EXPECT_EQ(rows("zstd"), "1|2;3|4");
  EXPECT_TRUE(rows("jgzip").starts_with("1"));
}

TEST_F(Files, ACompressedFileUnderAnotherNameIsToldAsSuch) {
  copy_to("packed", "SELECT 1 AS a", "FORMAT csv, HEADER, COMPRESSION gzip");
  fs::rename(source() / "packed", source() / "plain.csv");
  copy_to("packed", "SELECT 1 AS a", "FORMAT csv, HEADER, COMPRESSION zstd");
  fs::rename(source() / "packed", source() / "other.csv.gz");
  const Outcome outcome = run();
  EXPECT_NE(result(outcome, "plain").error.find("is compressed with gzip: end its name in .gz"),
            std::string::npos)
      << messages(outcome);
  EXPECT_NE(result(outcome, "other").error.find("is compressed with zstd, not with gzip"), std::string::npos)
      << messages(outcome);
}

TEST_F(Files, AChangeInPlaceWithTheOldTimeIsSeen) {
  put("a.csv", "a\n1\n");
  ASSERT_EQ(messages(run()), "");
  const auto time = fs::last_write_time(source() / "a.csv");
  std::fstream(source() / "a.csv", std::ios::in | std::ios::out | std::ios::binary) << "a\n2\n";
  fs::last_write_time(source() / "a.csv", time);
  EXPECT_EQ(result(run(), "a").status, "ok");
  EXPECT_EQ(rows("a"), "2");
  EXPECT_EQ(result(run(), "a").status, "unchanged");
}

}  // namespace
}  // namespace agnes::connectors::files
