#include "lib/jobs/schedule.h"

#include <gtest/gtest.h>

namespace agnes::jobs {
namespace {

std::optional<std::string> next(std::string_view schedule, std::string_view last) {
  const auto parsed = Schedule::parse(schedule);
  if (!parsed) return std::nullopt;
  return format_iso(parsed->next_after(parse_timestamp(last).value()));
}

TEST(Schedule, NextAfter) {
  EXPECT_EQ(next("every 15m", "2026-01-01T10:00:00"), "2026-01-01T10:15:00");
  EXPECT_EQ(next("every 6h", "2026-01-01T22:00:00"), "2026-01-02T04:00:00");
  EXPECT_EQ(next("daily 03:00", "2026-01-01T02:59:59"), "2026-01-01T03:00:00");
  EXPECT_EQ(next("daily 03:00", "2026-01-01T03:00:00"), "2026-01-02T03:00:00");
  EXPECT_EQ(next("daily 13:00,07:00", "2026-01-01T07:00:00"), "2026-01-01T13:00:00");
  EXPECT_EQ(next("daily 13:00,07:00", "2026-02-28T23:00:00"), "2026-03-01T07:00:00");
}

TEST(Schedule, RefusesEverythingElse) {
  for (const char* text : {"", "hourly", "every", "every 0m", "every -1h", "every 5s", "every m", "every 5 m",
                           "daily", "daily 25:00", "daily 7:00", "daily 07:60", "daily 07:00,", "Daily 07:00",
                           "every 99999999999999999999h"})
    EXPECT_FALSE(Schedule::parse(text)) << text;
}

}  // namespace
}  // namespace agnes::jobs
