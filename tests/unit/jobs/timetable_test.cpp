#include "lib/jobs/timetable.h"

#include <set>

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::jobs {
namespace {

Timestamp at(std::string_view text) {
  return parse_timestamp(text).value();
}
Schedule schedule(std::string_view text) {
  return Schedule::parse(text).value();
}

using Names = std::vector<std::string>;
constexpr Timetable::Options kPlain{.grace_seconds = 0, .jitter_seconds = 0, .seed = 0};
const Timestamp kStart = at("2026-01-01T10:00:00");

TEST(Timetable, EachByItsOwnSchedule) {
  Timetable table(kStart, kPlain);
  table.add("often", schedule("every 15m"), kStart);
  table.add("daily", schedule("daily 10:20,03:00"), kStart);
  EXPECT_EQ(table.next(), at("2026-01-01T10:15:00"));
  EXPECT_EQ(table.take_due(at("2026-01-01T10:14:59")), Names{});
  EXPECT_EQ(table.take_due(at("2026-01-01T10:15:00")), Names{"often"});
  EXPECT_EQ(table.take_due(at("2026-01-01T10:15:00")), Names{}) << "a turn is taken once";
  EXPECT_EQ(table.take_due(at("2026-01-01T10:31:00")), (Names{"daily", "often"}))
      << "the longest waiting first";
  EXPECT_EQ(table.next_of("often"), at("2026-01-01T10:45:00")) << "no drift";
  EXPECT_EQ(table.next_of("daily"), at("2026-01-02T03:00:00"));
  EXPECT_EQ(table.next_of("none"), std::nullopt);
}

TEST(Timetable, WhatWasMissedIsMadeUpForOnce) {
  Timetable table(kStart, kPlain);
  table.add("often", schedule("every 15m"), at("2025-12-01T00:00:00"));
  table.add("daily", schedule("daily 03:00"), at("2025-12-31T03:00:10"));
  table.add("never", schedule("daily 03:00"), std::nullopt);
  EXPECT_EQ(table.take_due(kStart).size(), 3u);
  EXPECT_EQ(table.take_due(at("2026-01-01T10:14:59")), Names{});
  EXPECT_EQ(table.next_of("daily"), at("2026-01-02T03:00:00"));
  EXPECT_EQ(table.take_due(at("2026-01-01T18:07:00")), Names{"often"}) << "one run for eight hours of sleep";
  EXPECT_EQ(table.next_of("often"), at("2026-01-01T18:22:00"));
}

TEST(Timetable, NothingIsDueInTheGrace) {
  Timetable table(kStart, {.grace_seconds = 60, .jitter_seconds = 0, .seed = 0});
  table.add("a", schedule("every 1h"), std::nullopt);
  EXPECT_EQ(table.take_due(at("2026-01-01T10:00:59")), Names{});
  EXPECT_EQ(table.take_due(at("2026-01-01T10:01:00")), Names{"a"});
}

TEST(Timetable, JitterSpreadsTheNamesAndKeepsTheirPace) {
  Timetable table(kStart, {.grace_seconds = 0, .jitter_seconds = 30, .seed = 7});
  std::set<std::int64_t> moments;
  for (int i = 0; i < 100; ++i) {
    table.add(std::to_string(i), schedule("every 1h"), kStart);
    const auto next = table.next_of(std::to_string(i))->micros - at("2026-01-01T11:00:00").micros;
    EXPECT_GE(next, 0);
    EXPECT_LT(next, 30'000'000);
    moments.insert(next / 1'000'000);
  }
  EXPECT_GT(moments.size(), 15u);
  table.add("short", schedule("every 1m"), kStart);
  EXPECT_LT(*table.next_of("short"), at("2026-01-01T10:01:06")) << "a tenth of the interval at most";
  const auto first = *table.next_of("1");
  table.take_due(at("2026-01-01T11:00:30"));
  EXPECT_EQ(*table.next_of("1"), plus_seconds(first, 3600));
}

TEST(Timetable, AClockThatIsSetBack) {
  Timetable table(kStart, kPlain);
  table.add("often", schedule("every 15m"), kStart);
  table.add("daily", schedule("daily 03:00"), kStart);
  EXPECT_EQ(table.take_due(at("2026-02-01T00:00:00")).size(), 2u);
  EXPECT_EQ(table.take_due(at("2026-01-01T10:05:00")), Names{});
  EXPECT_EQ(table.next_of("often"), at("2026-01-01T10:20:00")) << "not a month later";
  EXPECT_EQ(table.next_of("daily"), at("2026-01-02T03:00:00"));
  table.take_due(at("2026-01-01T10:20:00"));
  EXPECT_EQ(table.take_due(at("2026-01-01T10:19:30")), Names{});
  EXPECT_EQ(table.next_of("often"), at("2026-01-01T10:35:00")) << "a small step back repeats no turn";
}

TEST(Timetable, ALastRunInTheFutureIsNotWaitedFor) {
  Timetable table(kStart, kPlain);
  table.add("a", schedule("every 15m"), at("2031-01-01T00:00:00"));
  EXPECT_EQ(table.next(), at("2026-01-01T10:15:00"));
}

TEST(Timetable, TenThousandSchedules) {
  Timetable table(kStart, {.grace_seconds = 0, .jitter_seconds = 30, .seed = 1});
  for (int i = 0; i < 10'000; ++i) table.add(std::to_string(i), schedule("every 15m"), kStart);
  std::size_t taken = 0;
  Timestamp previous = kStart;
  while (*table.next() <= at("2026-01-01T11:00:31")) {
    EXPECT_GE(*table.next(), previous);
    previous = *table.next();
    taken += table.take_due(previous).size();
  }
  EXPECT_EQ(taken, 40'000u);
}

TEST(Schedule, DueByItsLastTime) {
  const auto hourly = schedule("every 1h"), daily = schedule("daily 03:00");
  EXPECT_TRUE(hourly.due(std::nullopt, kStart));
  EXPECT_TRUE(hourly.due(at("2026-01-01T09:00:00"), kStart));
  EXPECT_FALSE(hourly.due(at("2026-01-01T09:00:01"), kStart));
  EXPECT_TRUE(hourly.due(at("2026-01-01T10:00:01"), kStart)) << "a time in the future";
  EXPECT_FALSE(daily.due(at("2026-01-01T03:00:00"), kStart));
  EXPECT_TRUE(daily.due(at("2026-01-01T02:59:00"), kStart));
}

TEST(Interval, IsWholeMinutesRoundedUp) {
  EXPECT_EQ(interval(1), "every 1m");
  EXPECT_EQ(interval(900), "every 15m");
  EXPECT_EQ(interval(901), "every 16m");
  EXPECT_TRUE(Schedule::parse(interval(kMostIntervalSeconds)));
}

}  // namespace
}  // namespace agnes::jobs
