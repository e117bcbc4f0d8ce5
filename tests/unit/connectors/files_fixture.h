#pragma once

#include <fstream>
#include <functional>

#include <gtest/gtest.h>

#include "connectors/files/files.h"
#include "core/extracts/extract_reader.h"
#include "lib/base/files.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

// A folder of source files and the extract made of it, anew for each test.
class Files : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(source()); }

  fs::path root() const { return fs::canonical(folder_.path()); }
  fs::path source() const { return root() / "source"; }
  fs::path extract_dir() const { return root() / "extracts" / "files"; }

  Job job() const {
    Job out;
    out.path = source();
    out.extract_dir = extract_dir();
    out.temp_dir = root() / "spill";
    return out;
  }

  void put(const fs::path& name, std::string_view content) const {
    fs::create_directories((source() / name).parent_path());
    std::ofstream(source() / name, std::ios::binary) << content;
  }
  // Another content always has another stamp, however coarse the file system's clock.
  void replace(const fs::path& name, std::string_view content) const {
    put(name, content);
    fs::last_write_time(source() / name, fs::last_write_time(source() / name) + std::chrono::seconds(2));
  }

  static void run_sql(const std::string& sql) {
    duck::Database memory({{}, {{"threads", "1"}}});
    memory.connect().execute(sql);
  }
  void copy_to(const fs::path& name, const std::string& select, const std::string& options) const {
    fs::create_directories((source() / name).parent_path());
    run_sql("COPY (" + select + ") TO " + duck::quote_literal((source() / name).string()) + " (" + options +
            ")");
  }

  Outcome run(const std::function<void(Job&)>& change = {},
              const std::function<void(std::string_view)>& step = {}) const {
    Job wanted = job();
    if (change) change(wanted);
    return extract(wanted, {}, step);
  }

  static const TableResult& result(const Outcome& outcome, const std::string& table) {
    for (const auto& found : outcome.tables)
      if (found.name == table) return found;
    throw std::runtime_error("no result for " + table);
  }
  static std::string messages(const Outcome& outcome) {
    std::string out;
    for (const auto& problem : outcome.problems) out += problem.message + "\n";
    for (const auto& table : outcome.tables)
      if (table.status == "failed") out += table.error + "\n";
    return out;
  }
  std::string types(const std::string& table) const {
    duck::Database memory({{}, {{"threads", "1"}}});
    auto connection = memory.connect();
    std::string out;
    for (const auto& column :
         extracts::parquet_columns(connection, {(extract_dir() / "data" / (table + ".parquet")).string()}))
      out += (out.empty() ? "" : ", ") + column.name + " " + column.type;
    return out;
  }
  // The rows of a table as one text: "1|a;2|b".
  std::string rows(const std::string& table) const {
    duck::Database memory({{}, {{"threads", "1"}}});
    auto connection = memory.connect();
    connection.execute("SET TimeZone = 'UTC'");
    const std::string file = duck::quote_literal((extract_dir() / "data" / (table + ".parquet")).string());
    std::string out;
    for (const auto& row :
         connection.execute("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet(" + file + ")").rows()) {
      if (!out.empty()) out += ';';
      for (std::size_t i = 0; i < row.size(); ++i) {
        const auto* text = std::get_if<std::string>(&row[i]);
        out += (i > 0 ? "|" : "") + (text != nullptr ? *text : std::string("-"));
      }
    }
    return out;
  }
  extracts::Catalogue catalogue() const {
    extracts::ReadOptions options;
    options.extracts_dir = root() / "extracts";
    return extracts::read_extracts(options);
  }

 private:
  TemporaryFolder folder_{fs::temp_directory_path()};
};

// CSV: `count` equal rows, then another one.
inline std::string many_rows(const std::string& header, const std::string& row, int count,
                             const std::string& last) {
  std::string out = header + "\n";
  for (int i = 0; i < count; ++i) out += row + "\n";
  return out + last + "\n";
}

}  // namespace agnes::connectors::files
