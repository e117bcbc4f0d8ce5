#include "core/query/quota.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::query {
namespace {

struct QuotaTest : testing::Test {
  Timestamp time{1'700'000'000'000'000};
  Quota quota{{.at_once = 2, .daily_bytes = 100}, [this] { return time; }};

  std::string refusal(const std::string& caller) {
    try {
      quota.take(caller);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::too_many);
      return std::string(error.detail().at("kind").as_string());
    }
  }
};

TEST_F(QuotaTest, PlacesAreGivenBack) {
  auto first = quota.take("ana");
  const auto second = quota.take("ana");
  EXPECT_EQ(refusal("ana"), "concurrent_scans");
  EXPECT_EQ(refusal("bob"), "");
  first.reset();
  EXPECT_EQ(refusal("ana"), "");
}

TEST_F(QuotaTest, WhatWasBegunCountsWhole) {
  quota.take("ana")->count(99);
  quota.take("ana")->count(500);
  EXPECT_EQ(refusal("ana"), "daily_bytes");
  EXPECT_EQ(refusal("bob"), "");
}

TEST_F(QuotaTest, ADayBeginsAnewAtMidnight) {
  const auto across = quota.take("ana");
  across->count(100);
  try {
    quota.take("ana");
    FAIL();
  } catch (const Error& error) {
    const auto wait = error.detail().at("retry_after_seconds").as_int64();
    EXPECT_EQ((time.micros / 1'000'000 + wait) % 86'400, 0);
    time.micros += wait * 1'000'000;
  }
  const auto second = quota.take("ana");
  EXPECT_EQ(refusal("ana"), "concurrent_scans");  // a scan of yesterday still has its place
  across->count(100);
  EXPECT_EQ(refusal("ana"), "daily_bytes");
}

}  // namespace
}  // namespace agnes::query
