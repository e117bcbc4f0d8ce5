#include <future>

#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "lib/jobs/runner.h"
#include "lib/jobs/schedule.h"

namespace agnes::jobs {
namespace {

TEST(Runner, RunsAJobOnceAtATime) {
  Runner runner;
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future();
  std::atomic<int> runs = 0;
  const auto work = [&](const Context&) {
    ++runs;
    gate.wait();
    return boost::json::value("done");
  };
  EXPECT_TRUE(runner.start("sync", work));
  EXPECT_FALSE(runner.start("sync", work));
  EXPECT_TRUE(runner.start("other", work));
  EXPECT_TRUE(runner.running("sync"));
  go.set_value();
  runner.wait("sync");
  runner.wait("other");
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(runner.start("sync", work)) << "an ended job may run again";
  runner.wait("sync");
  const auto history = runner.history();
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].outcome, "ok");
  EXPECT_EQ(history[0].result, boost::json::value("done"));
}

TEST(Runner, AFailureIsKeptWithItsReason) {
  Runner runner;
  runner.start("sync",
               [](const Context&) -> boost::json::value { throw Error(ErrorKind::internal, "no disk"); });
  runner.wait("sync");
  const auto run = runner.history().at(0);
  EXPECT_EQ(run.outcome, "failed");
  EXPECT_EQ(run.error, "no disk");
  EXPECT_TRUE(run.ended);
}

// Who sees that a job has ended may start it again.
TEST(Runner, ARunIsToldAsRunningUntilAnotherMayStart) {
  Runner runner;
  std::string while_told, told;
  bool refused = false;
  runner.on_ended([&](const jobs::Run& run) {
    told = run.outcome;
    while_told = runner.history().at(0).outcome;
    refused = !runner.start("sync", [](const Context&) { return boost::json::value(); });
  });
  runner.start("sync", [](const Context&) { return boost::json::value(1); });
  runner.wait("sync");
  EXPECT_EQ(told, "ok");
  EXPECT_EQ(while_told, "running");
  EXPECT_TRUE(refused);
  EXPECT_EQ(runner.history().at(0).outcome, "ok");
}

TEST(Runner, CancellingAndEndingStopWhatAsks) {
  auto runner = std::make_unique<Runner>();
  const auto patient = [](const Context& context) -> boost::json::value {
    while (!context.cancelled()) std::this_thread::yield();
    throw Error(ErrorKind::timeout, "cancelled");
  };
  runner->start("a", patient);
  EXPECT_FALSE(runner->cancel("b"));
  EXPECT_TRUE(runner->cancel("a"));
  runner->wait("a");
  EXPECT_EQ(runner->history().at(0).outcome, "cancelled");
  runner->start("c", patient);
  runner.reset();  // cancels and waits
}

std::optional<std::string> next(std::string_view schedule, std::string_view last) {
  const auto parsed = Schedule::parse(schedule);
  if (!parsed) return std::nullopt;
  return format_iso(parsed->next_after(parse_timestamp(last).value()));
}

TEST(Runner, AfterStopNothingRunsAndNothingStarts) {
  Runner runner;
  std::atomic<bool> ended = false;
  runner.start("sync", [&](const Context& context) -> boost::json::value {
    while (!context.cancelled()) std::this_thread::yield();
    ended = true;
    return nullptr;
  });
  runner.stop();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(runner.start("sync", [](const Context&) -> boost::json::value { return nullptr; }));
  runner.stop();
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
