#pragma once

#include <gtest/gtest.h>

#include "core/query/engine.h"
#include "lib/base/files.h"

namespace agnes::query {

// Files as extraction leaves them: tables that the caller may read, and others beside them that he may not.
//   orders     2,000 rows: id, day, total, currency, customer_id   (Parquet, two files)
//   customers  100 rows: customer_id, country, name                (Parquet)
//   stock      5 rows: item, pieces                                (in extract.duckdb)
// Not readable: salaries.parquet, and the table "margins" in the same extract.duckdb.
struct Data {
  Data();
  TemporaryFolder home{fs::temp_directory_path()};
  EngineSetup setup;
  std::string path(const std::string& name) const { return (home.path() / name).string(); }
};

// Made once a program.
const Data& data();

// An engine over `data()`, made once a program.
Engine& engine();

// What POST /api/query would answer; throws Error.
std::string answer(const std::string& sql, std::int64_t row_limit = 1000);

// The answer's rows alone, or "400 message" for a refusal.
std::string rows(const std::string& sql);

// The HTTP status, and the message beside it.
struct Outcome {
  int status;
  std::string text;
};
Outcome outcome(const std::string& sql);

}  // namespace agnes::query
