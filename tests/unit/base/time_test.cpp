#include "lib/base/time.h"

#include <gtest/gtest.h>

namespace agnes {
namespace {

TEST(Time, IsWrittenAsTheContractHasIt) {
  const Timestamp t{1767323045000006};  // 2026-01-02 03:04:05.000006
  EXPECT_EQ(format_iso(t), "2026-01-02T03:04:05.000006");
  EXPECT_EQ(format_iso_utc(t), "2026-01-02T03:04:05.000006+00:00");
  EXPECT_EQ(format_sql(t), "2026-01-02 03:04:05.000006");
  EXPECT_EQ(format_iso(Timestamp{1767323045000000}), "2026-01-02T03:04:05");
  EXPECT_EQ(format_iso(Timestamp{0}), "1970-01-01T00:00:00");
  EXPECT_EQ(format_iso(Timestamp{-1}), "1969-12-31T23:59:59.999999");
}

TEST(Time, IsReadInEveryForm) {
  const Timestamp t{1767323045000000};
  for (const char* text :
       {"2026-01-02T03:04:05", "2026-01-02 03:04:05", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00",
        "2026-01-02T04:04:05+01:00", "2026-01-01T22:04:05-05:00", "2026-01-02T03:04:05.000000"})
    EXPECT_EQ(parse_timestamp(text), t) << text;
  EXPECT_EQ(parse_timestamp("2026-01-02"), (Timestamp{1767312000000000}));
  EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.999999"), (Timestamp{-1}));
  for (const char* bad : {"", "yesterday", "2026-13-01", "2026-02-30", "2026-01-02T25:00:00",
                          "2026-01-02T03:04:05x", "2026-1-2"})
    EXPECT_EQ(parse_timestamp(bad), std::nullopt) << bad;
}

TEST(Time, GoesThereAndBack) {
  for (std::int64_t micros : {0L, 1L, -1L, 951782400000000L, 4102444799999999L, -62135596800000000L}) {
    EXPECT_EQ(parse_timestamp(format_iso({micros})), Timestamp{micros}) << format_iso({micros});
    EXPECT_EQ(parse_timestamp(format_sql({micros})), Timestamp{micros});
  }
}

TEST(Time, AFakeClockStandsUntilItIsMoved) {
  const auto noon = parse_timestamp("2030-01-01T12:00:00").value();
  {
    FakeClock clock(noon);
    EXPECT_EQ(now(), noon);
    clock.advance(90);
    EXPECT_EQ(now(), plus_seconds(noon, 90));
    clock.set(noon);
    EXPECT_EQ(now(), noon);
  }
  EXPECT_NE(now(), noon);
}

}  // namespace
}  // namespace agnes
