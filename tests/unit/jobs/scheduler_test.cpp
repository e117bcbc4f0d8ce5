#include "lib/jobs/scheduler.h"

#include <future>

#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "lib/base/files.h"

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

TEST(Schedule, IntervalsOfSeconds) {
  for (const auto& [seconds, wanted] : {std::pair{900, "every 15m"}, std::pair{60, "every 1m"},
                                        std::pair{90, "every 2m"}, std::pair{1, "every 1m"}})
    EXPECT_EQ(interval(seconds), wanted);
  EXPECT_TRUE(Schedule::parse(interval(kMostIntervalSeconds)));
}

// A scheduler whose clock stands still until it is set, and that does nothing by itself.
struct Bench {
  std::atomic<std::int64_t> micros = kStart.micros;
  Runner runner;
  std::unique_ptr<Scheduler> scheduler;
  explicit Bench(std::size_t at_once = 4, const fs::path& memory = {}) {
    Scheduler::Options options;
    options.timetable = kPlain;
    options.at_once = at_once;
    options.memory = memory;
    options.clock = [this] { return Timestamp{micros.load()}; };
    options.threaded = false;
    scheduler = std::make_unique<Scheduler>(runner, std::move(options));
  }
  ~Bench() {
    scheduler->stop();
    runner.stop();
  }
  JobState state(const std::string& name) const {
    for (auto& job : scheduler->jobs())
      if (job.name == name) return job;
    return {};
  }
};

TEST(Scheduler, RunsWhatIsDueOnceAndSkipsTheTurnOfWhatRuns) {
  Bench bench;
  std::atomic<int> runs = 0;
  std::promise<void> began, go;
  auto gate = go.get_future().share();
  bench.scheduler->add({"a", "", "every 1m", [&](const Context&) -> boost::json::value {
                          if (++runs == 1) began.set_value();
                          gate.wait();
                          return nullptr;
                        }});
  bench.scheduler->start();
  bench.scheduler->tick();
  began.get_future().wait();
  EXPECT_TRUE(bench.state("a").running);
  bench.micros += 60'000'000;
  bench.scheduler->tick();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(bench.state("a").next_run, at("2026-01-01T10:02:00"));
  go.set_value();
  bench.runner.wait("a");
  bench.scheduler->tick();
  EXPECT_EQ(runs, 1) << "a skipped turn is not made up for";
  bench.micros += 60'000'000;
  bench.scheduler->tick();
  bench.runner.wait("a");
  EXPECT_EQ(runs, 2);
}

TEST(Scheduler, OnlySoManyAtOnce) {
  Bench bench(2);
  std::atomic<int> now = 0, most = 0, done = 0;
  std::promise<void> open;
  auto gate = open.get_future().share();
  for (int i = 0; i < 20; ++i)
    bench.scheduler->add({std::to_string(i), "", "daily 03:00", [&](const Context&) -> boost::json::value {
                            const int here = ++now;
                            int seen = most;
                            while (here > seen && !most.compare_exchange_weak(seen, here)) continue;
                            gate.wait();
                            --now;
                            ++done;
                            return nullptr;
                          }});
  bench.scheduler->start();
  bench.scheduler->tick();
  EXPECT_EQ(bench.runner.history().size(), 2u) << "the others wait";
  while (now < 2) std::this_thread::yield();
  open.set_value();
  while (done < 20) bench.scheduler->tick();
  EXPECT_EQ(most, 2);
}

// The thread needs nobody to call tick: not for the first runs, nor when a place becomes free.
TEST(Scheduler, ItsThreadStartsThemAll) {
  Runner runner;
  Scheduler::Options options;
  options.timetable = kPlain;
  options.at_once = 1;
  Scheduler scheduler(runner, std::move(options));
  std::promise<void> all;
  std::atomic<int> runs = 0;
  for (int i = 0; i < 5; ++i)
    scheduler.add({std::to_string(i), "", "every 6h", [&](const Context&) -> boost::json::value {
                     if (++runs == 5) all.set_value();
                     return nullptr;
                   }});
  scheduler.start();
  all.get_future().wait();
  scheduler.stop();
  runner.stop();
}

TEST(Scheduler, RunAndCancelByName) {
  Bench bench;
  bench.scheduler->add({"patient", "Waits", "", [](const Context& context) -> boost::json::value {
                          while (!context.cancelled()) std::this_thread::yield();
                          throw Error(ErrorKind::timeout, "was told to stop");
                        }});
  EXPECT_THROW(bench.scheduler->run("nope"), Error);
  EXPECT_THROW(bench.scheduler->cancel("nope"), Error);
  EXPECT_THROW(bench.scheduler->cancel("patient"), Error) << "it does not run";
  bench.scheduler->run("patient");
  EXPECT_THROW(bench.scheduler->run("patient"), Error);
  bench.scheduler->cancel("patient");
  bench.runner.wait("patient");
  const auto state = bench.state("patient");
  EXPECT_EQ(state.outcome, "cancelled");
  EXPECT_EQ(state.error, "was told to stop");
  EXPECT_EQ(state.next_run, std::nullopt);
  EXPECT_THROW(bench.scheduler->add({"x", "", "hourly", {}}), Error);
}

TEST(Scheduler, RemembersLastRunsOverAStart) {
  const TemporaryFolder folder(fs::temp_directory_path());
  const fs::path memory = folder.path() / "jobs.json";
  const auto add = [](Bench& bench, std::atomic<int>& runs) {
    bench.scheduler->add({"a", "", "every 100000h", [&](const Context&) -> boost::json::value {
                            ++runs;
                            throw Error(ErrorKind::internal, "no disk");
                          }});
    bench.micros = now().micros;
    bench.scheduler->start();
    bench.scheduler->tick();
    bench.runner.wait("a");
  };
  std::atomic<int> first = 0, second = 0, third = 0;
  {
    Bench bench(4, memory);
    add(bench, first);
  }
  {
    Bench bench(4, memory);
    EXPECT_EQ(first, 1);
    add(bench, second);
    EXPECT_EQ(second, 0);
    EXPECT_EQ(bench.state("a").outcome, "failed");
    EXPECT_EQ(bench.state("a").error, "no disk");
  }
  replace_file(memory, "{\"a\": 5");
  Bench bench(4, memory);
  add(bench, third);
  EXPECT_EQ(third, 1) << "a file that cannot be read is as good as none";
}

TEST(Runner, TellsWhatHasChangedSince) {
  Runner runner;
  EXPECT_EQ(runner.changes(0, {}).runs.size(), 0u);
  runner.start("a", [](const Context& context) -> boost::json::value {
    context.progress("half");
    return nullptr;
  });
  runner.wait("a");
  const auto changes = runner.changes(0, std::chrono::hours(1));
  ASSERT_EQ(changes.runs.size(), 1u);
  EXPECT_EQ(changes.runs[0].outcome, "ok");
  EXPECT_EQ(changes.revision, 3u) << "start, progress, end";
  EXPECT_EQ(runner.changes(changes.revision, {}).runs.size(), 0u);
}

}  // namespace
}  // namespace agnes::jobs
