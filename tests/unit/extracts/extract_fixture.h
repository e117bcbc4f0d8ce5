#pragma once

#include <csignal>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/extracts/extract.h"
#include "core/extracts/extract_reader.h"
#include "lib/base/files.h"
#include "lib/duck/rows.h"

namespace agnes::extracts {

// A folder of its own for each test, with a way to make extracts as a program of somebody else would.
class ExtractTest : public testing::Test {
 protected:
  fs::path root() const { return fs::canonical(folder_.path()); }
  fs::path extracts() const { return root() / "extracts"; }

  static void put(const fs::path& file, std::string_view content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }

  static void run_sql(const fs::path& database, const std::string& sql) {
    fs::create_directories(database.parent_path());
    duck::Database opened({database, {{"threads", "1"}}});
    opened.connect().execute(sql);
  }

  static void make_parquet(const fs::path& file, const std::string& select) {
    fs::create_directories(file.parent_path());
    duck::Database memory({{}, {{"threads", "1"}}});
    memory.connect().execute("COPY (" + select + ") TO " + duck::quote_literal(file.string()) +
                             " (FORMAT parquet)");
  }

  static std::string meta_sql() {
    return "CREATE TABLE IF NOT EXISTS _meta (table_name VARCHAR, description VARCHAR, \"rows\" BIGINT, "
           "size_bytes BIGINT, "
           "extracted_at TIMESTAMP, query_mode VARCHAR);";
  }

  // extracts/<source> with one table of `rows` rows, as the contract has it.
  void make_extract(const std::string& source, const std::string& table, int rows) {
    const fs::path file = extracts() / source / "data" / (table + ".parquet");
    make_parquet(file, fmt::format("SELECT i AS id, 'x' || i AS name FROM range({}) t(i)", rows));
    run_sql(extracts() / source / "extract.duckdb",
            meta_sql() +
                fmt::format(
                    "INSERT INTO _meta VALUES ('{0}', 'about {0}', {1}, 1, '2026-01-02 03:04:05', 'local');"
                    "CREATE OR REPLACE VIEW \"{0}\" AS SELECT * FROM read_parquet('{2}')",
                    table, rows, file.string()));
  }

  Catalogue read(const std::function<void(ReadOptions&)>& change = {}) const {
    ReadOptions options;
    options.extracts_dir = extracts();
    options.threads = 2;
    options.remote = {.extensions = {"bigquery", "keboola"},
                      .token_envs = {"KBC_TOKEN"},
                      .endpoints = {"connection.example.com", "example.com"}};
    if (change) change(options);
    return read_extracts(options);
  }

  static const CatalogueTable* find(const Catalogue& catalogue, const std::string& name) {
    for (const auto& table : catalogue.tables)
      if (table.name == name) return &table;
    return nullptr;
  }

  static std::string problems(const Catalogue& catalogue) {
    std::string out;
    for (const auto& problem : catalogue.problems) out += problem.message + "\n";
    return out;
  }

  static std::int64_t count_rows(const CatalogueTable& table) {
    std::vector<std::string> files;
    for (const auto& file : table.files) files.push_back(file.path);
    duck::Database memory({{}, {{"threads", "1"}}});
    auto connection = memory.connect();
    return duck::scalar<std::int64_t>(connection,
                                      "SELECT count(*) FROM " + read_parquet_sql(files, table.union_by_name))
        .value_or(-1);
  }

  // Runs `work` in a process of its own, which it may kill. True when it came to its end.
  static bool survives(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        work();
      } catch (...) {
        ::_exit(9);
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "the process failed by itself";
    return WIFEXITED(status);
  }

 private:
  TemporaryFolder folder_{fs::temp_directory_path()};
};

}  // namespace agnes::extracts
