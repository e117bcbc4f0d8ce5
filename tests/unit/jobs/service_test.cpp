#include "lib/jobs/service.h"

#include "fake_jobs.h"

namespace agnes::jobs {
namespace {

using boost::json::value;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Work ending_with(Done done) {
  return work([done](const Context&) { return done; });
}
Work through(Gate& gate) {
  return work<TableInput>(
      [&gate](const Context& context, const TableInput& input) { return gate.pass(context, input.table); });
}
value table(const char* name) {
  return {{"table", name}};
}
ErrorKind kind_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::internal;
}

TEST(Service, ARunIsListedWithItsResult) {
  Bench bench;
  bench.service->add({.name = "a", .description = "Does it", .work = ending_with(value("done"))});
  const auto id = bench.service->run_now("a");
  const auto run = bench.service->wait(id);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->outcome, Outcome::ok);
  EXPECT_EQ(run->result, value("done"));
  EXPECT_EQ(run->attempts, 1);
  const auto state = bench.state("a");
  EXPECT_EQ(state.description, "Does it");
  EXPECT_EQ(state.outcome, Outcome::ok);
  EXPECT_EQ(state.result, value("done"));
  ASSERT_EQ(state.runs.size(), 1u);
  EXPECT_EQ(state.runs[0].id, id);
  EXPECT_EQ(bench.service->tallies().at("a").ok, 1u);
}

TEST(Service, InputIsCheckedBeforeAnythingRuns) {
  Bench bench;
  Gate gate;
  bench.service->add({.name = "plain", .description = "", .work = ending_with(Done())});
  bench.service->add({.name = "typed", .description = "", .work = through(gate)});
  EXPECT_EQ(kind_of([&] { bench.service->run_now("nope"); }), ErrorKind::not_found);
  EXPECT_EQ(kind_of([&] { bench.service->run_now("plain", 5); }), ErrorKind::invalid);
  for (const value& wrong :
       {value(nullptr), value(5), value{{"table", ""}}, value{{"table", "x"}, {"rows", "y"}}})
    EXPECT_EQ(kind_of([&] { bench.service->run_now("typed", wrong); }), ErrorKind::invalid);
  bench.service->wait(bench.service->run_now("plain", boost::json::object()));
  EXPECT_THROW(bench.service->add({.name = "plain", .description = "", .work = ending_with(Done())}),
               std::logic_error);
  EXPECT_THROW(
      bench.service->add({.name = "x", .description = "", .schedule = "hourly", .work = ending_with(Done())}),
      Error);
}

TEST(Service, ARunWithAPartThatFailedIsPartly) {
  Bench bench;
  bench.service->add(
      {.name = "a", .description = "", .work = ending_with({value(1), {"orders: no disk", "people: gone"}})});
  const auto run = bench.service->wait(bench.service->run_now("a"));
  EXPECT_EQ(run->outcome, Outcome::partly);
  EXPECT_EQ(run->failures.size(), 2u);
  EXPECT_EQ(run->error, std::nullopt);
  EXPECT_EQ(bench.state("a").failures.at(0), "orders: no disk");
  const auto tally = bench.service->tallies().at("a");
  EXPECT_EQ(tally.partly, 1u);
  EXPECT_EQ(tally.ok, 0u);
  EXPECT_TRUE(tally.last_success);
}

TEST(Service, TheSameRunIsThereOnce) {
  Bench bench;
  Gate gate;
  bench.service->add({.name = "a", .description = "", .at_once = 2, .work = through(gate)});
  const auto first = bench.service->enqueue("a", table("x"));
  EXPECT_TRUE(first.is_new);
  const auto again = bench.service->enqueue("a", table("x"));
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(kind_of([&] { bench.service->run_now("a", table("x")); }), ErrorKind::conflict);
  EXPECT_TRUE(bench.service->enqueue("a", table("y")).is_new);
  gate.wait_inside("x");
  gate.wait_inside("y");
  gate.let_go("x");
  gate.let_go("y");
  bench.service->wait_idle("a");
  EXPECT_TRUE(bench.service->enqueue("a", table("x")).is_new) << "an ended run may come again";
  gate.let_go("x");
}

// Who asks while a run is under way, which may have read what has changed since, is answered by the next.
TEST(Service, AFollowUpIsDoneAfterTheRunUnderWay) {
  Bench bench;
  Gate gate;
  bench.service->add(
      {.name = "a", .description = "", .at_once = 5, .follow_up = true, .work = through(gate)});
  const auto first = bench.service->enqueue("a", table("x"));
  gate.wait_inside("x");
  const auto second = bench.service->enqueue("a", table("x"));
  EXPECT_TRUE(second.is_new);
  EXPECT_EQ(bench.service->enqueue("a", table("x")).id, second.id) << "one that waits is enough";
  EXPECT_EQ(bench.state("a").queued, 1);
  gate.let_go("x");
  bench.service->wait(first.id);
  gate.let_go("x");
  EXPECT_EQ(bench.service->wait(second.id)->outcome, Outcome::ok);
}

TEST(Service, AGroupRunsOnlySoManyAtOnce) {
  Bench bench;
  Gate gate;
  bench.service->add({.name = "a", .description = "", .group = "disk", .at_once = 2, .work = through(gate)});
  bench.service->add({.name = "b", .description = "", .group = "disk", .at_once = 2, .work = through(gate)});
  bench.service->add({.name = "c", .description = "", .work = through(gate)});
  for (const char* name : {"a1", "a2", "a3"}) bench.service->enqueue("a", table(name));
  bench.service->enqueue("b", table("b1"));
  const auto other = bench.service->enqueue("c", table("c1"));
  gate.let_go("c1");
  EXPECT_EQ(bench.service->wait(other.id)->outcome, Outcome::ok) << "another group is not held up";
  auto tallies = bench.service->tallies();
  EXPECT_EQ(tallies.at("a").running, 2u);
  EXPECT_EQ(tallies.at("a").queued, 1u);
  EXPECT_EQ(tallies.at("b").queued, 1u);
  for (const char* name : {"a1", "a2", "a3", "b1"})
    gate.let_go(name);  // in the order in which they were asked for
  bench.service->wait_idle("a");
  bench.service->wait_idle("b");
}

TEST(Service, AFullQueueRefuses) {
  Bench bench;
  Gate gate;
  bench.service->add({.name = "a", .description = "", .most_queued = 1, .work = through(gate)});
  bench.service->enqueue("a", table("x"));
  const auto waiting = bench.service->enqueue("a", table("y"));
  EXPECT_EQ(kind_of([&] { bench.service->enqueue("a", table("z")); }), ErrorKind::unavailable);
  EXPECT_EQ(bench.service->enqueue("a", table("y")).id, waiting.id) << "what waits already is not refused";
  gate.let_go("x");
  gate.let_go("y");
}

TEST(Retry, WaitsGrowUpToTheCap) {
  const Retry retry{.attempts = 9, .base = seconds(10), .cap = minutes(1)};
  EXPECT_EQ(retry.after(1), seconds(10));
  EXPECT_EQ(retry.after(2), seconds(20));
  EXPECT_EQ(retry.after(3), seconds(40));
  EXPECT_EQ(retry.after(4), minutes(1));
  EXPECT_EQ(retry.after(1'000'000), minutes(1));
}

TEST(Service, AFailedAttemptIsTriedAgainLater) {
  Bench bench;
  Gate gate;
  bench.service->add({.name = "a",
                      .description = "",
                      .retry = {.attempts = 3, .base = seconds(10), .cap = minutes(10)},
                      .work = through(gate)});
  bench.service->start();
  const auto id = bench.service->enqueue("a", table("x")).id;
  const auto fails = [&] {
    gate.let_go("x", "no disk");
    bench.service->wait_idle("a");
  };
  fails();
  auto state = bench.state("a");
  EXPECT_EQ(state.outcome, Outcome::queued);
  EXPECT_EQ(state.error, "no disk");
  EXPECT_EQ(state.runs.at(0).next_attempt, plus_seconds(kStart, 10));
  EXPECT_EQ(bench.service->enqueue("a", table("x")).id, id) << "it waits, and is the same";
  bench.advance(milliseconds(9'999));
  EXPECT_FALSE(bench.service->running("a"));
  bench.advance(milliseconds(1));
  fails();
  bench.advance(seconds(19));
  EXPECT_FALSE(bench.service->running("a"));
  bench.advance(seconds(1));
  gate.let_go("x");
  const auto run = bench.service->wait(id);
  EXPECT_EQ(run->outcome, Outcome::ok);
  EXPECT_EQ(run->attempts, 3);
  EXPECT_EQ(run->error, std::nullopt);
  EXPECT_EQ(bench.service->tallies().at("a").retries, 2u);

  const auto lost = bench.service->enqueue("a", table("x")).id;
  for (int i = 0; i < 3; ++i) {
    fails();
    bench.advance(minutes(1));
  }
  EXPECT_EQ(bench.service->wait(lost)->outcome, Outcome::failed);
  EXPECT_EQ(bench.service->tallies().at("a").failed, 1u);
}

TEST(Service, AFailureMayAskForItsOwnWaitOrNone) {
  Bench bench;
  Gate gate;
  bench.service->add({.name = "a",
                      .description = "",
                      .retry = {.attempts = 3,
                                .base = seconds(10),
                                .cap = seconds(60),
                                .wait = [](const std::exception& error) -> std::optional<milliseconds> {
                                  const std::string said = error.what();
                                  if (said == "for good") return std::nullopt;
                                  return said == "in 5 s" ? seconds(5) : minutes(30);
                                }},
                      .work = through(gate)});
  const auto next = [&](const char* failure) {
    gate.let_go("x", failure);
    bench.service->wait_idle("a");
    return bench.state("a").runs.at(0).next_attempt;
  };
  bench.service->start();
  bench.service->enqueue("a", table("x"));
  EXPECT_EQ(next("in 5 s"), plus_seconds(kStart, 5));
  bench.advance(seconds(5));
  EXPECT_EQ(next("much later"), plus_seconds(kStart, 65)) << "the cap holds";
  // A clock that is set back keeps it no longer.
  bench.micros -= 3'600'000'000;
  bench.service->tick();
  bench.advance(seconds(60));
  EXPECT_EQ(next("for good"), std::nullopt);
  EXPECT_EQ(bench.state("a").outcome, Outcome::failed);
}

TEST(Service, WaitingAndRunningOnesAreCancelled) {
  Bench bench;
  Gate gate;
  std::vector<std::string> told;
  std::mutex mutex;
  bench.service->on_ended([&](const jobs::Run& run) {
    const std::lock_guard lock(mutex);
    told.push_back(run.key);
  });
  bench.service->add({.name = "a", .description = "", .work = through(gate)});
  EXPECT_EQ(kind_of([&] { bench.service->cancel("a"); }), ErrorKind::conflict);
  EXPECT_EQ(kind_of([&] { bench.service->cancel("nope"); }), ErrorKind::not_found);
  const auto x = bench.service->enqueue("a", table("x")).id;
  const auto y = bench.service->enqueue("a", table("y")).id, z = bench.service->enqueue("a", table("z")).id;
  gate.wait_inside("x");
  bench.service->cancel("a", y);
  EXPECT_EQ(bench.service->wait(y)->outcome, Outcome::cancelled);
  EXPECT_EQ(kind_of([&] { bench.service->cancel("a", y); }), ErrorKind::conflict);
  bench.service->cancel("a");
  EXPECT_EQ(bench.service->wait(x)->outcome, Outcome::cancelled);
  EXPECT_EQ(bench.service->wait(x)->error, "was asked to stop");
  EXPECT_EQ(bench.service->wait(z)->outcome, Outcome::cancelled);
  bench.service->stop();
  EXPECT_EQ(told.size(), 3u);
  EXPECT_EQ(bench.service->tallies().at("a").cancelled, 3u);
}

// Subscribers run without a lock: they may ask the service, and queue.
TEST(Service, EverySubscriberHearsOfEachRunWhileItStillCounts) {
  Bench bench;
  std::atomic<int> first = 0;
  std::string seen;
  Service::EnqueueResult next;
  bench.service->on_ended([&](const jobs::Run&) {
    ++first;
    throw std::runtime_error("a subscriber's fault");
  });
  bench.service->on_ended([&](const jobs::Run& run) {
    if (run.job != "a") return;
    seen = bench.service->running("a") ? "running" : "ended";
    next = bench.service->enqueue("b");
  });
  bench.service->add({.name = "a", .description = "", .work = ending_with(value(1))});
  bench.service->add({.name = "b", .description = "", .work = ending_with(value(2))});
  bench.service->wait(bench.service->run_now("a"));
  EXPECT_EQ(seen, "running");
  EXPECT_EQ(bench.service->wait(next.id)->result, value(2));
  EXPECT_EQ(first, 2);
}

TEST(Service, SchedulesQueueOnceAndSkipTheTurnOfWhatRuns) {
  Bench bench;
  std::atomic<int> runs = 0;
  std::promise<void> began, go;
  auto gate = go.get_future().share();
  bench.service->add({.name = "a",
                      .description = "",
                      .schedule = "every 1m",
                      .follow_up = true,
                      .work = work([&](const Context&) {
                        if (++runs == 1) began.set_value();
                        gate.wait();
                        return Done();
                      })});
  bench.service->start();
  bench.service->tick();
  began.get_future().wait();
  bench.advance(minutes(1));
  EXPECT_EQ(bench.state("a").queued, 0);
  EXPECT_EQ(bench.state("a").next_run, plus_seconds(kStart, 120));
  go.set_value();
  bench.service->wait_idle("a");
  bench.service->tick();
  EXPECT_EQ(runs, 1) << "a skipped turn is not made up for";
  bench.advance(minutes(1));
  bench.service->wait_idle("a");
  EXPECT_EQ(runs, 2);
}

TEST(Service, OnlySoManyScheduledRunsAtOnce) {
  Bench bench({}, 2);
  std::atomic<int> now = 0, most = 0, done = 0;
  std::promise<void> open;
  auto gate = open.get_future().share();
  for (int i = 0; i < 20; ++i)
    bench.service->add({.name = std::to_string(i),
                        .description = "",
                        .schedule = "daily 03:00",
                        .work = work([&](const Context&) {
                          const int here = ++now;
                          int seen = most;
                          while (here > seen && !most.compare_exchange_weak(seen, here)) continue;
                          gate.wait();
                          --now;
                          ++done;
                          return Done();
                        })});
  bench.service->start();
  bench.service->tick();
  while (now < 2) std::this_thread::yield();
  open.set_value();
  while (done < 20) std::this_thread::yield();
  EXPECT_EQ(most, 2);
}

// The thread needs nobody to call tick: neither for first runs nor for further attempts.
TEST(Service, ItsThreadRunsThemAll) {
  Service::Options options;
  options.timetable = {.grace_seconds = 0, .jitter_seconds = 0, .seed = 0};
  options.at_once = 1;
  Service service(std::move(options));
  std::promise<void> all;
  std::atomic<int> runs = 0;
  for (int i = 0; i < 5; ++i)
    service.add({.name = std::to_string(i),
                 .description = "",
                 .schedule = "every 6h",
                 .retry = {.attempts = 2, .base = milliseconds(1), .cap = milliseconds(1)},
                 .work = work([&](const Context& context) -> Done {
                   if (context.attempt() == 1) throw Error(ErrorKind::internal, "the first time");
                   if (++runs == 5) all.set_value();
                   return {};
                 })});
  service.start();
  all.get_future().wait();
}

TEST(Service, AfterStopNothingRunsAndNothingStarts) {
  Bench bench;
  Gate gate;
  bench.service->add({.name = "a", .description = "", .work = through(gate)});
  const auto x = bench.service->enqueue("a", table("x")).id, y = bench.service->enqueue("a", table("y")).id;
  gate.wait_inside("x");
  bench.service->stop();
  EXPECT_EQ(bench.service->wait(x)->outcome, Outcome::cancelled);
  EXPECT_FALSE(bench.service->running("a"));
  EXPECT_FALSE(bench.service->enqueue("a", table("z")).is_new);
  EXPECT_EQ(kind_of([&] { bench.service->run_now("a", table("z")); }), ErrorKind::unavailable);
  bench.service->wait(y);
  bench.service->stop();
}

TEST(Service, TellsWhichKindsHaveChangedSince) {
  Bench bench;
  bench.service->add({.name = "a", .description = "", .work = work([](const Context& context) {
                                                        context.progress("half");
                                                        return Done();
                                                      })});
  EXPECT_EQ(bench.service->changes(0, {}).names.size(), 0u);
  bench.service->wait(bench.service->run_now("a"));
  const auto changes = bench.service->changes(0, std::chrono::hours(1));
  EXPECT_EQ(changes.names, std::vector<std::string>{"a"});
  EXPECT_EQ(bench.service->changes(changes.revision, {}).names.size(), 0u);
}

TEST(Service, ManyRunsOfOneKindTakeNoPlaceFromAnother) {
  Bench bench;
  bench.service->add({.name = "rare", .description = "", .work = ending_with(value("kept"))});
  bench.service->add({.name = "often", .description = "", .work = ending_with(Done())});
  bench.service->wait(bench.service->run_now("rare"));
  for (int i = 0; i < 300; ++i) bench.service->wait(bench.service->run_now("often"));
  EXPECT_EQ(bench.state("rare").result, value("kept"));
  EXPECT_EQ(bench.state("often").runs.size(), Service::kMostShown);
}

}  // namespace
}  // namespace agnes::jobs
