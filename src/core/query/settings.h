#pragma once

#include "app/config/settings.h"

namespace agnes::query {

struct QuerySettings {
  static constexpr std::string_view kSection = "query";
  int timeout_seconds = 60;
  std::chrono::seconds transfer_timeout_seconds{300};
  std::uint64_t memory_mb = 1024, spill_mb = 4096, spill_reserve_mb = 1024;
  std::uint32_t max_workers = 6;
  std::uint64_t max_result_mb = 64;
  std::int64_t max_rows = 100'000;
  static constexpr config::Rule kRules[] = {
      {.member = "timeout_seconds",
       .variable = "AGNES_QUERY_TIMEOUT_SECONDS",
       .ge = 1,
       .le = 60,
       .help = "A statement is ended after this time"},
      {.member = "transfer_timeout_seconds",
       .ge = 1,
       .le = 86'400,
       .help = "An answer that its client has not taken after this time is cut"},
      {.member = "memory_mb", .ge = 1, .le = 1 << 20, .help = "Memory of one query worker process"},
      {.member = "spill_mb",
       .ge = 0,
       .le = 1 << 30,
       .help = "Disk that one query worker may use beyond its memory"},
      {.member = "spill_reserve_mb",
       .ge = 0,
       .le = 1 << 30,
       .help = "Disk that stays free: a statement that spills when there is less is ended"},
      // One runs, one is spare.
      {.member = "max_workers", .ge = 2, .le = 1024, .help = "Query worker processes at once"},
      {.member = "max_result_mb", .ge = 1, .le = 1 << 20, .help = "Largest answer of one query"},
      {.member = "max_rows", .ge = 1, .help = "Largest `limit` of one query"},
  };
};
BOOST_DESCRIBE_STRUCT(QuerySettings, (),
                      (timeout_seconds, transfer_timeout_seconds, memory_mb, spill_mb, spill_reserve_mb,
                       max_workers, max_result_mb, max_rows))

struct ScanSettings {
  static constexpr std::string_view kSection = "api.scan";
  std::int64_t max_limit = 10'000'000;
  std::uint64_t max_result_bytes = 2ull << 30;
  int max_concurrent_per_user = 5;
  std::int64_t max_daily_bytes_per_user = 50ll << 30;
  int request_timeout_seconds = 300, transfer_timeout_seconds = 3600;
  static constexpr config::Rule kRules[] = {
      {.member = "max_limit", .ge = 1, .help = "Largest `limit` of one scan"},
      {.member = "max_result_bytes", .ge = 1, .help = "Largest answer of one scan; it is cut there"},
      {.member = "max_concurrent_per_user", .ge = 1, .help = "Scans of one user at once"},
      {.member = "max_daily_bytes_per_user",
       .ge = 1,
       .help = "What one user may fetch by scans in a day (UTC)"},
      {.member = "request_timeout_seconds",
       .ge = 1,
       .le = 86'400,
       .help = "A scan is ended after this time; what its client takes to read is not counted"},
      {.member = "transfer_timeout_seconds",
       .ge = 1,
       .le = 86'400,
       .help = "A scan whose answer its client has not taken after this time is cut"},
  };
};
BOOST_DESCRIBE_STRUCT(ScanSettings, (),
                      (max_limit, max_result_bytes, max_concurrent_per_user, max_daily_bytes_per_user,
                       request_timeout_seconds, transfer_timeout_seconds))

}  // namespace agnes::query
