#pragma once

#include <map>
#include <optional>
#include <string>

#include "lib/base/json.h"

// /api/admin/cache-warmup.
namespace agnes::contract {

struct WarmUpStarted {
  enum class Status { started, already_running };
  BOOST_DESCRIBE_NESTED_ENUM(Status, started, already_running)
  std::string run_id;
  Status status = Status::started;
};
BOOST_DESCRIBE_STRUCT(WarmUpStarted, (), (run_id, status))

struct WarmUpTable {
  enum class Status { pending, warming, fresh, error };
  BOOST_DESCRIBE_NESTED_ENUM(Status, pending, warming, fresh, error)
  std::string table_id;
  Status status = Status::pending;
  std::optional<std::string> started_at, completed_at;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> error, last_warmed_at;
};
BOOST_DESCRIBE_STRUCT(WarmUpTable, (),
                      (table_id, status, started_at, completed_at, duration_ms, error, last_warmed_at))

// A run; only `state` when there was none.
struct WarmUpStatus {
  std::optional<std::string> state, run_id, trigger, started_at, completed_at;
  std::optional<std::int64_t> total, completed, failed;
  std::optional<std::map<std::string, WarmUpTable>> rows;  // by the table's id
  static constexpr json::Rule rules[] = {{.field = "state", .description = "never_run", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(WarmUpStatus, (),
                      (state, run_id, trigger, started_at, completed_at, total, completed, failed, rows))

}  // namespace agnes::contract
