#include "core/query/pool.h"

#include <csignal>
#include <thread>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/workers/task.h"

namespace agnes::query {
namespace {

using workers::Channel;
using workers::Frame;
using workers::FrameType;

// What this very program does when the pool starts it in the role "query": a worker without an engine, which does what
// the statement says. Its answers are "<its process> <the name of its engine's table>".
int serve_as_told() {
  Channel channel = workers::adopt_channel();
  Frame frame;
  if (channel.receive(frame) != Channel::Outcome::frame || frame.type != FrameType::setup) return 0;
  const auto setup = boost::json::parse(frame.payload);
  const std::string table(setup.at("engine").at("tables").at(0).at("name").as_string());
  if (table == "broken") {
    channel.send(FrameType::error, workers::encode_error(Error(ErrorKind::bad_gateway, "no such engine")));
    return 1;
  }
  channel.send(FrameType::ready, "");
  const auto refuse = [&](const char* why) {
    channel.send(FrameType::error, workers::encode_error(Error(ErrorKind::forbidden, why)));
  };
  while (channel.receive(frame) == Channel::Outcome::frame) {
    if (frame.type != FrameType::request) continue;
    const auto request = json::from_json<WorkerRequest>(boost::json::parse(frame.payload));
    if (request.inspect) {
      channel.send(FrameType::taken, "");
      channel.send(FrameType::chunk, json::to_text(StatementTables{{*request.inspect}, ""}));
      channel.send(FrameType::done, "{}");
      continue;
    }
    const auto& sql = request.run.value().sql;
    if (sql == "leave") return 0;  // before it has taken the statement
    channel.send(FrameType::taken, "");
    if (sql == "refuse") {
      refuse("no");
    } else if (sql == "crash") {
      ::_exit(9);
    } else if (sql == "remote") {
      channel.send(FrameType::done, R"({"orders":2})");
    } else {
      channel.send(FrameType::chunk, fmt::format("{} {}", ::getpid(), table));
      if (sql == "answer") {
        channel.send(FrameType::done, "{}");
      } else if (sql == "last") {  // until it is interrupted
        if (channel.receive(frame) != Channel::Outcome::frame) return 0;
        refuse("interrupted");
      } else {  // "last and hear nothing"
        while (channel.receive(frame) == Channel::Outcome::frame) continue;
      }
    }
  }
  return 0;
}

class PoolTest : public testing::Test {
 protected:
  PoolOptions options(std::size_t max_workers) const {
    PoolOptions out;
    out.max_workers = max_workers;
    out.spill_folder = folder_.path();
    out.wait_for_process = std::chrono::milliseconds(0);
    return out;
  }
  static EngineSetup engine(const std::string& table) {
    EngineSetup out;
    out.tables.emplace_back().name = table;
    return out;
  }
  // The key names the table, too.
  static std::unique_ptr<Execution> run(Pool& pool, const std::string& key, const std::string& sql,
                                        int seconds = 0) {
    Statement statement;
    statement.sql = sql;
    statement.time_limit_seconds = seconds;
    return pool.run(
        key, [&] { return engine(key); }, statement);
  }
  static std::string rest(Execution& execution) {
    std::string text, chunk;
    while (execution.next(chunk)) text += chunk;
    return text;
  }
  static std::string answer(Pool& pool, const std::string& key) { return rest(*run(pool, key, "answer")); }
  static std::optional<ErrorKind> refusal(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.kind();
    }
    return std::nullopt;
  }

  TemporaryFolder folder_{fs::temp_directory_path()};
};

TEST_F(PoolTest, AProcessServesOneSetOfTables) {
  Pool pool(options(4));
  const auto first = answer(pool, "1/ana"), again = answer(pool, "1/ana"), other = answer(pool, "1/bob");
  EXPECT_EQ(first, again) << "the process that is idle serves it again";
  EXPECT_TRUE(first.ends_with(" 1/ana")) << first;
  EXPECT_TRUE(other.ends_with(" 1/bob")) << other;
  EXPECT_EQ(pool.inspect("1/ana", {}, "orders").tables, std::vector<std::string>{"orders"});
  const auto counts = pool.counts();
  EXPECT_EQ(counts.ok, 4u);
  EXPECT_EQ(counts.idle, 2u);
  EXPECT_EQ(counts.busy, 0u);
  EXPECT_EQ(counts.spare, 1u) << "the next set finds one that is warm";
}

TEST_F(PoolTest, WhatSpillsEndsWhenTheDiskIsNearlyFull) {
  auto reserved = options(2);
  reserved.spill_reserve_bytes = 1ull << 62;
  Pool pool(reserved);
  EXPECT_TRUE(answer(pool, "1/ana").ends_with(" 1/ana")) << "what does not spill needs no disk";
  const auto running = run(pool, "1/ana", "last");
  for (const auto& spill : fs::directory_iterator(folder_.path())) replace_file(spill.path() / "x.tmp", "x");
  EXPECT_EQ(refusal([&] { rest(*running); }), ErrorKind::bad_request);
  EXPECT_EQ(pool.counts().busy, 0u);
}

TEST_F(PoolTest, OnlySoManyAtOnceAndTheNextIsTurnedAway) {
  Pool pool(options(2));
  auto first = run(pool, "1/ana", "last"), second = run(pool, "1/ana", "last");
  EXPECT_EQ(pool.counts().busy, 2u);
  EXPECT_EQ(refusal([&] { run(pool, "1/ana", "answer"); }), ErrorKind::unavailable);
  EXPECT_EQ(pool.counts().turned_away, 1u);
  EXPECT_EQ(pool.counts().processes, 2u);
  first.reset();
  EXPECT_EQ(pool.counts().abandoned, 1u) << "nobody reads what it would answer";
  EXPECT_TRUE(answer(pool, "1/bob").ends_with(" 1/bob"));
  EXPECT_EQ(pool.counts().busy, 1u) << "the second goes on";
}

TEST_F(PoolTest, WhoWaitsGetsThePlaceThatBecomesFree) {
  auto patient = options(2);
  patient.wait_for_process = std::chrono::hours(1);
  Pool pool(patient);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int caller = 0; caller < 6; ++caller)
    threads.emplace_back([&, caller] {
      const auto key = fmt::format("1/{}", caller % 3);
      for (int i = 0; i < 10; ++i) wrong += !answer(pool, key).ends_with(" " + key);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  const auto counts = pool.counts();
  EXPECT_EQ(counts.ok, 60u);
  EXPECT_EQ(counts.busy, 0u);
  EXPECT_LE(counts.processes, 2u);
}

TEST_F(PoolTest, OneProcessServesEverybodyInTurn) {
  Pool pool(options(1));
  EXPECT_EQ(pool.counts().most, 1u) << "as it was asked for";
  EXPECT_TRUE(answer(pool, "1/ana").ends_with(" 1/ana"));
  EXPECT_TRUE(answer(pool, "1/bob").ends_with(" 1/bob")) << "the idle one makes room";
  const auto running = run(pool, "1/bob", "last");
  EXPECT_EQ(refusal([&] { run(pool, "1/ana", "answer"); }), ErrorKind::unavailable);
  EXPECT_EQ(pool.counts().processes, 1u);
}

TEST_F(PoolTest, TheLongestIdleMakesRoom) {
  Pool pool(options(2));
  const auto ana = answer(pool, "1/ana"), bob = answer(pool, "1/bob");
  EXPECT_EQ(answer(pool, "1/ana"), ana);
  answer(pool, "1/eve");
  EXPECT_EQ(answer(pool, "1/ana"), ana);
  EXPECT_NE(answer(pool, "1/bob"), bob);
}

TEST_F(PoolTest, ANewGenerationEndsTheIdleOnesOfOthers) {
  Pool pool(options(4));
  const auto old = answer(pool, "1/ana"), current = answer(pool, "2/ana");
  const auto running = run(pool, "1/bob", "last");
  pool.retire_others("2/");
  EXPECT_EQ(pool.counts().idle, 1u);
  EXPECT_EQ(pool.counts().busy, 1u) << "what runs goes on";
  EXPECT_EQ(answer(pool, "2/ana"), current);
  EXPECT_NE(answer(pool, "1/ana"), old);
}

TEST_F(PoolTest, ARefusalIsTheCallersAndKeepsTheProcess) {
  Pool pool(options(2));
  const auto before = answer(pool, "1/ana");
  EXPECT_EQ(refusal([&] { rest(*run(pool, "1/ana", "refuse")); }), ErrorKind::forbidden);
  EXPECT_EQ(pool.counts().refused, 1u);
  EXPECT_EQ(answer(pool, "1/ana"), before);
}

TEST_F(PoolTest, ACrashEndsItsStatementOnly) {
  Pool pool(options(3));
  const auto before = answer(pool, "1/ana");
  const auto other = run(pool, "1/bob", "last");
  EXPECT_EQ(refusal([&] { rest(*run(pool, "1/ana", "crash")); }), ErrorKind::bad_request);
  EXPECT_EQ(pool.counts().crashed, 1u);
  EXPECT_EQ(pool.counts().busy, 1u);
  EXPECT_NE(answer(pool, "1/ana"), before);
}

TEST_F(PoolTest, OneThatDiedIdleIsReplacedUnseen) {
  Pool pool(options(2));
  const auto before = answer(pool, "1/ana");
  ::kill(std::stoi(before), SIGKILL);
  EXPECT_NE(answer(pool, "1/ana"), before);
  EXPECT_EQ(pool.counts().crashed, 0u);
}

TEST_F(PoolTest, WhenEachDiesBeforeItTakesTheStatementItIsTold) {
  Pool pool(options(2));
  EXPECT_EQ(refusal([&] { run(pool, "1/ana", "leave"); }), ErrorKind::unavailable);
  EXPECT_EQ(pool.counts().busy, 0u);
  EXPECT_TRUE(answer(pool, "1/ana").ends_with(" 1/ana"));
}

TEST_F(PoolTest, AnEngineThatCannotBeMadeSaysWhy) {
  Pool pool(options(2));
  EXPECT_EQ(refusal([&] { run(pool, "broken", "answer"); }), ErrorKind::bad_gateway);
  EXPECT_EQ(pool.counts().busy, 0u);
  EXPECT_TRUE(answer(pool, "1/ana").ends_with(" 1/ana"));
}

TEST_F(PoolTest, AtItsLimitAStatementIsInterruptedThenKilled) {
  Pool pool(options(2));
  const auto before = answer(pool, "1/ana");
  EXPECT_EQ(refusal([&] { rest(*run(pool, "1/ana", "last", 1)); }), ErrorKind::bad_request);
  EXPECT_EQ(pool.counts().timed_out, 1u);
  EXPECT_EQ(answer(pool, "1/ana"), before) << "one that ends when asked to is kept";
  EXPECT_EQ(refusal([&] { rest(*run(pool, "1/ana", "last and hear nothing", 1)); }), ErrorKind::bad_request);
  EXPECT_EQ(pool.counts().timed_out, 2u);
  EXPECT_NE(answer(pool, "1/ana"), before);
}

TEST_F(PoolTest, WhatReadsElsewhereHasNotRun) {
  Pool pool(options(2));
  const auto remote = run(pool, "1/ana", "remote");
  EXPECT_EQ(remote->needs_remote(), (Readings{{"orders", 2}}));
  EXPECT_EQ(rest(*remote), "");
  const auto here = run(pool, "1/ana", "answer");
  EXPECT_TRUE(here->needs_remote().empty());
  EXPECT_TRUE(rest(*here).ends_with(" 1/ana")) << "what was read to learn that is not lost";
  EXPECT_EQ(pool.counts().ok, 1u);
}

}  // namespace
}  // namespace agnes::query

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "--role") return agnes::query::serve_as_told();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
