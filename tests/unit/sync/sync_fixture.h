#pragma once

#include <gtest/gtest.h>

#include "core/state/store.h"
#include "core/sync/run_ledger.h"
#include "lib/base/files.h"

namespace agnes::sync {

inline Timestamp at(const char* time) {
  return parse_timestamp(std::string("2026-01-02T") + time).value();
}

inline catalog::Registration registered(const std::string& name, const std::string& query_mode = "local") {
  catalog::Registration row;
  row.id = catalog::id_for(name);
  row.name = name;
  row.source_type = "local";
  row.query_mode = query_mode;
  return row;
}

inline catalog::Registration scheduled(const std::string& name, const std::string& schedule,
                                       const std::string& query_mode = "local") {
  auto row = registered(name, query_mode);
  row.sync_schedule = schedule;
  return row;
}

inline TableOutcome succeeded(const std::string& name) {
  TableOutcome out;
  out.name = name;
  return out;
}

inline TableOutcome failed(const std::string& name, const std::string& error) {
  auto out = succeeded(name);
  out.failed = true;
  out.error = error;
  out.duration_ms = 7;
  return out;
}

inline TableOutcome found(const std::string& name) {
  auto out = succeeded(name);
  out.is_new = true;
  out.description = "found in the folder";
  return out;
}

inline jobs::Context uncancelled() {
  return {[](const boost::json::value&) {}, StopToken()};
}

struct StoreTest : testing::Test {
  TemporaryFolder home{fs::temp_directory_path()};
  state::Store store{home.path()};
};

}  // namespace agnes::sync
