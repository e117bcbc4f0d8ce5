// Runs over a folder: several files to a table, what is unchanged or gone, kills, a full disk, cancelling.
#include <csignal>

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connectors/files/scan.h"
#include "connectors/files_fixture.h"
#include "lib/base/hash.h"

namespace agnes::connectors::files {
namespace {

TEST_F(Files, AFolderOfEqualFilesIsOneTable) {
  put("parts/one.csv", "a,b\n1,x\n");
  put("parts/deep/two.csv", "a,b\n2.5,y\n");
  put("parts/.ignored.csv", "z\n1\n");
  put("lines/a.jsonl", "{\"a\": 1}\n");
  put("lines/b.jsonl", "{\"b\": 2}\n");
  copy_to("hive/year=2024/x.parquet", "SELECT 1 AS a", "FORMAT parquet");
  copy_to("hive/year=2025/x.parquet", "SELECT 2 AS a", "FORMAT parquet");
  put("mixed/a.csv", "a\n1\n");
  put("mixed/b.json", "[{\"a\": 1}]");
  put("unlike/a.csv", "a\n1\n");
  put("unlike/b.csv", "b\n1\n");
  copy_to("kinds/a.parquet", "SELECT 1 AS a", "FORMAT parquet");
  copy_to("kinds/b.parquet", "SELECT 'x' AS a", "FORMAT parquet");
  put("bad/a.csv", "a,b\n1,2\n");
  put("bad/b.csv", "a,b\n1,2\n3\n");
  fs::create_directories(source() / "empty");
  const Outcome outcome = run();
  EXPECT_EQ(rows("parts"), "2.5|y;1.0|x") << messages(outcome);
  EXPECT_EQ(types("parts"), "a DOUBLE, b VARCHAR");
  EXPECT_EQ(types("lines"), "a BIGINT, b BIGINT");
  EXPECT_EQ(rows("hive"), "1|2024;2|2025");
  EXPECT_NE(messages(outcome).find("'mixed/a.csv' and 'mixed/b.json' are of different formats"),
            std::string::npos);
  EXPECT_NE(result(outcome, "unlike").error.find("unlike/b.csv does not have the columns of unlike/a.csv"),
            std::string::npos);
  EXPECT_NE(result(outcome, "kinds").error.find("kinds/b.parquet"), std::string::npos);
  EXPECT_EQ(result(outcome, "bad").line, 3);
  EXPECT_TRUE(result(outcome, "bad").error.starts_with("bad/b.csv line 3")) << result(outcome, "bad").error;
  put("parts/three.csv", "a,b\n3,z\n");
  EXPECT_EQ(result(run(), "parts").rows, 3);
}

TEST_F(Files, GlobsAndExclusions) {
  put("a.csv", "a\n1\n");
  put("b.csv", "a\n1\n");
  put("b.json", "[{\"a\": 1}]");
  put("sub/a.csv", "a\n1\n");
  put("sub/skip.csv", "a\n1\n");
  const auto names = [&](const std::string& path, std::vector<std::string> exclude = {}) {
    std::string out;
    Job wanted = job();
    wanted.path = path;
    wanted.exclude = std::move(exclude);
    for (const auto& candidate : scan(wanted).tables)
      out += (out.empty() ? "" : " ") + candidate.table + ":" + std::to_string(candidate.files.size());
    return out;
  };
  const std::string base = source().string();
  EXPECT_EQ(names(base + "/*.csv"), "a:1 b:1");
  EXPECT_EQ(names(base + "/a.csv"), "a:1");
  EXPECT_EQ(names(base + "/**/*.csv"), "a:1 b:1 sub:2");
  EXPECT_EQ(names(base + "/*/*.csv"), "sub:2");
  EXPECT_EQ(names(base + "/**/a.*"), "a:1 sub:1");
  EXPECT_EQ(names(base + "/", {"b.*", "skip.csv"}), "a:1 sub:1");
  EXPECT_EQ(names(base, {"sub", "*.json"}), "a:1 b:1");
  EXPECT_TRUE(matches("**/x", "x"));
  EXPECT_TRUE(matches("**/x", "a/b/x"));
  EXPECT_FALSE(matches("*/x", "a/b/x"));
}

TEST_F(Files, WhatIsUnchangedIsNotTouched) {
  put("a.csv", "a\n1\n");
  put("b.csv", "a\n1\n");
  run();
  const auto stamps = [&] {
    return std::tuple(extracts::stamp_of(extract_dir() / "extract.duckdb"),
                      extracts::stamp_of(extract_dir() / "data" / "a.parquet"),
                      extracts::stamp_of(extract_dir() / "data" / "b.parquet"));
  };
  const auto before = stamps();
  const Outcome again = run();
  EXPECT_EQ(stamps(), before);
  EXPECT_EQ(result(again, "a").status, "unchanged");
  EXPECT_EQ(result(again, "a").rows, 1);
  EXPECT_EQ(result(again, "a").columns.size(), 1u);

  replace("a.csv", "a\n1\n2\n");
  const Outcome one = run();
  EXPECT_EQ(result(one, "a").status, "ok");
  EXPECT_EQ(result(one, "b").status, "unchanged");
  EXPECT_EQ(std::get<2>(stamps()), std::get<2>(before));

  const auto spec = [](std::map<std::string, std::string> types, std::string description) {
    return [=](Job& job) {
      TableSpec table;
      table.name = "b";
      table.types = types;
      table.description = description;
      job.tables = {table};
    };
  };
  EXPECT_EQ(result(run(spec({{"a", "VARCHAR"}}, "")), "b").status, "ok")
      << "other settings make another table";
  EXPECT_EQ(result(run(spec({{"a", "VARCHAR"}}, "words")), "b").status, "unchanged");
  EXPECT_EQ(catalogue().tables.at(1).description, "words");

  fs::remove(extract_dir() / "data" / "a.parquet");
  EXPECT_EQ(result(run(), "a").status, "ok") << "whoever removed it";
  std::ofstream(extract_dir() / "data" / "b.parquet") << "damaged";
  EXPECT_EQ(result(run(), "b").status, "ok");
  std::ofstream(extract_dir() / ".agnes-sources.json") << "damaged";
  EXPECT_EQ(result(run(), "a").status, "ok");
  EXPECT_EQ(result(run([](Job& job) { job.force = true; }), "a").status, "ok");
}

TEST_F(Files, OnlySomeTables) {
  put("a.csv", "a\n1\n");
  put("b.csv", "a\n1\n");
  run();
  replace("a.csv", "a\n2\n");
  replace("b.csv", "a\n2\n");
  fs::remove(source() / "b.csv");
  const Outcome outcome = run([](Job& job) { job.only = {{"A"}}; });
  EXPECT_EQ(outcome.tables.size(), 1u);
  EXPECT_EQ(rows("a"), "2");
  EXPECT_EQ(rows("b"), "1") << "not asked for, not taken away";
  EXPECT_EQ(result(run([](Job& job) { job.only = {{"b"}}; }), "b").status, "removed");
  EXPECT_EQ(catalogue().tables.size(), 1u);
}

TEST_F(Files, ATableGoesWithItsSourceUnlessAllAreGone) {
  put("a.csv", "a\n1\n");
  put("b.csv", "a\n1\n");
  run();
  fs::remove(source() / "b.csv");
  const Outcome outcome = run();
  EXPECT_EQ(result(outcome, "b").status, "removed");
  EXPECT_EQ(catalogue().tables.size(), 1u);
  fs::remove(source() / "a.csv");
  const Outcome empty = run();
  ASSERT_EQ(empty.problems.size(), 1u);
  EXPECT_EQ(empty.problems[0].kind, "empty");
  EXPECT_EQ(catalogue().tables.size(), 1u) << "an empty folder is a disk that is not mounted";
  put("b.csv", "a\n1\n");
  EXPECT_EQ(result(run(), "a").status, "removed");
  remove(job(), "B");
  EXPECT_TRUE(catalogue().tables.empty());
  remove(job(), "never there");
}

TEST_F(Files, DiscoversWithoutWriting) {
  put("a.csv", many_rows("id,name", "1,x", 30'000, "x,y"));
  put("b.json", "[{\"a\": 1, \"n\": null}]");
  put("c.csv", "");
  const auto found = discover(job(), 2);
  ASSERT_EQ(found.tables.size(), 3u);
  EXPECT_EQ(found.tables[0].format, "CSV");
  EXPECT_EQ(found.tables[0].columns.size(), 2u) << found.tables[0].error;
  EXPECT_EQ(found.tables[0].rows.size(), 2u);
  EXPECT_EQ(found.tables[0].rows[0].at("id").as_int64(), 1);
  EXPECT_EQ(found.tables[1].rows.size(), 1u);
  EXPECT_NE(found.tables[2].error, "");
  EXPECT_FALSE(fs::exists(extract_dir()));
  EXPECT_TRUE(discover(job(), 0).tables[0].columns.empty());
}

TEST_F(Files, KilledAtAnyStepItGoesOnFromTheLastGoodState) {
  for (int stop = 1;; ++stop) {
    fs::remove_all(root() / "extracts");
    put("a.csv", "n\n1\n");
    put("b.csv", "n\n1\n");
    put("gone.csv", "n\n1\n");
    run();
    replace("a.csv", "n\n1\n2\n");
    replace("b.csv", "n\n1\n2\n");
    fs::remove(source() / "gone.csv");
    const pid_t child = ::fork();
    if (child == 0) {
      int steps = 0;
      try {
        run({}, [&](std::string_view) {
          if (++steps == stop) ::kill(::getpid(), SIGKILL);
        });
      } catch (...) {
        ::_exit(9);
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    const auto seen = catalogue();
    EXPECT_TRUE(seen.problems.empty()) << "killed after step " << stop << ": " << seen.problems[0].message;
    EXPECT_GE(seen.tables.size(), 2u);
    for (const auto& table : seen.tables) EXPECT_TRUE(table.rows == 1 || table.rows == 2);
    const Outcome next = run();
    for (const auto& table : next.tables) EXPECT_NE(table.status, "failed") << table.error;
    EXPECT_EQ(rows("a"), "1;2");
    EXPECT_EQ(rows("b"), "1;2");
    EXPECT_EQ(catalogue().tables.size(), 2u);
    if (WIFEXITED(status)) {
      EXPECT_GE(stop, 9);
      break;
    }
  }
}

TEST_F(Files, AFileThatChangesWhileItIsReadIsReadAgain) {
  put("a.csv", "n\n1\n");
  put("Case.csv", "n\n1\n");
  run();
  replace("a.csv", "n\n2\n");
  fs::rename(source() / "Case.csv", source() / "case.csv");
  const Outcome outcome = run({}, [&](std::string_view step) {
    if (step != "copied") return;
    for (const char* file : {"a.csv", "case.csv"}) replace(file, "n\n3\n4\n");
  });
  // The second one is read as it is then, but scanned before.
  for (const char* table : {"a", "case"}) {
    EXPECT_EQ(result(outcome, table).status, "failed");
    EXPECT_EQ(result(outcome, table).error_kind, "failed");
    EXPECT_EQ(result(outcome, table).error,
              fmt::format("table '{0}' was not written: {0}.csv changed while it was read; the next sync "
                          "reads it again",
                          table));
  }
  EXPECT_EQ(rows("a"), "1");
  EXPECT_EQ(rows("Case"), "1");
  EXPECT_EQ(messages(run()), "");
  EXPECT_EQ(rows("a"), "3;4");
  EXPECT_EQ(rows("case"), "3;4");
}

// The child's disk is full: a small one mounted over the extracts where that is allowed, else a limit on the
// size of files, which fails the same writes.
void fill_disk(const fs::path& extracts) {
  const fs::path keep = extracts.parent_path() / "keep";
  if (::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
    fs::create_directories(keep);
    fs::copy(extracts, keep, fs::copy_options::recursive);
    if (::mount("tmpfs", extracts.c_str(), "tmpfs", 0, "size=1m") == 0) {
      fs::copy(keep, extracts, fs::copy_options::recursive);
      return;
    }
  }
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{64 << 10, 64 << 10};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

TEST_F(Files, AFullDiskFailsTheTableAndKeepsTheOldOne) {
  put("big.csv", "a,b\n1,2\n");
  run();
  std::string content = "a,b\n";
  std::uint64_t state = 1;
  for (int i = 0; i < 200'000; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    content += fmt::format("{},{}\n", i, state >> 16);
  }
  replace("big.csv", content);
  const pid_t child = ::fork();
  if (child == 0) {
    int verdict = 9;
    try {
      fill_disk(root() / "extracts");
      const Outcome outcome = run();
      const auto& table = result(outcome, "big");
      const bool clear = table.error.find("disk is full") != std::string::npos ||
                         table.error.find("File too large") != std::string::npos;
      verdict = table.status != "failed"        ? 2
                : !clear                        ? 3
                : rows("big") != "1|2"          ? 4
                : !catalogue().problems.empty() ? 5
                                                : 0;
      if (verdict == 3) std::fprintf(stderr, "%s\n", table.error.c_str());
      for (const auto& entry : fs::recursive_directory_iterator(root() / "extracts"))
        if (entry.path().filename().string().starts_with(".agnes-tmp-")) verdict = 6;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(verdict);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(result(run(), "big").rows, 200'000) << "with room again, the next sync does it";
}

TEST_F(Files, ProgressAndCancelling) {
  put("a.csv", "a\n1\n");
  put("b.csv", "a\n1\n");
  std::vector<std::string> said;
  workers::TaskContext context;
  context.progress = [&](const boost::json::value& value) {
    said.emplace_back(value.at("table").as_string());
  };
  extract(job(), context);
  EXPECT_EQ(said, (std::vector<std::string>{"a", "b"}));
  context.stop = StopToken().until(StopToken::Clock::time_point::min());
  EXPECT_THROW(extract(job(), context), Error);
  EXPECT_EQ(catalogue().tables.size(), 2u);
}

}  // namespace
TEST_F(Files, ColumnsOfFoldersAreTheSameInEveryFormat) {
  for (const char* folder : {"zip=00501/city=New%20York", "zip=10115/city=__HIVE_DEFAULT_PARTITION__"}) {
    put(fmt::format("c/{}/a.csv", folder), "v\n1\n");
    put(fmt::format("j/{}/a.jsonl", folder), "{\"v\":1}\n");
    copy_to(fmt::format("p/{}/a.parquet", folder), "SELECT 1 AS v", "FORMAT parquet");
  }
  run();
  for (const char* table : {"c", "j", "p"}) EXPECT_EQ(rows(table), "1|00501|New York;1|10115|-") << table;
}

}  // namespace agnes::connectors::files
