#include <future>

#include "fixture.h"
#include "lib/http/pool.h"

namespace agnes::http {
namespace {

// Work that holds its place until it is told to end.
class PoolTest : public ::testing::Test {
 protected:
  using Refusal = Pool::Refusal;
  struct Job {
    std::promise<void> begun, end;
    std::promise<Refusal> told;
  };
  Refusal submit(Pool& pool, const Owner& owner, std::shared_ptr<Job> job) {
    return pool.submit(owner, [job](Refusal refusal, Pool::Permit&) {
      if (refusal == Refusal::none) {
        job->begun.set_value();
        job->end.get_future().wait();
      }
      job->told.set_value(refusal);
    });
  }
  static std::shared_ptr<Job> job() { return std::make_shared<Job>(); }
  static bool runs(Job& job) {
    return job.begun.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  }
};

TEST_F(PoolTest, ACallersMoreWaitWhileOthersRun) {
  Pool pool({.name = "p", .running = 2, .queued = 8, .per_caller = 1, .per_caller_total = 3});
  const auto a1 = job(), a2 = job(), a3 = job(), a4 = job(), b1 = job();
  EXPECT_EQ(submit(pool, {"a"}, a1), Refusal::none);
  EXPECT_EQ(submit(pool, {"a"}, a2), Refusal::none);
  EXPECT_EQ(submit(pool, {"a"}, a3), Refusal::none);
  EXPECT_EQ(submit(pool, {"a"}, a4), Refusal::caller) << "one runs and two wait";
  EXPECT_EQ(submit(pool, {"b"}, b1), Refusal::none);
  EXPECT_TRUE(runs(*a1));
  EXPECT_TRUE(runs(*b1)) << "it passes those that wait for their own caller";
  const auto now = pool.counts();
  EXPECT_EQ(now.running, 2u);
  EXPECT_EQ(now.queued, 2u);
  EXPECT_EQ(now.refused_caller, 1u);
  a1->end.set_value();
  EXPECT_TRUE(runs(*a2));
  a2->end.set_value();
  EXPECT_TRUE(runs(*a3));
  a3->end.set_value();
  b1->end.set_value();
}

TEST_F(PoolTest, IsFullForEverybodyWhenItsQueueIs) {
  Pool pool({.name = "p", .running = 1, .queued = 1, .per_caller = 1, .per_caller_total = 2});
  const auto a = job(), b = job(), c = job();
  EXPECT_EQ(submit(pool, {"a"}, a), Refusal::none);
  EXPECT_EQ(submit(pool, {"b"}, b), Refusal::none);
  EXPECT_EQ(submit(pool, {"c"}, c), Refusal::full);
  EXPECT_EQ(pool.counts().refused_full, 1u);
  a->end.set_value();
  b->end.set_value();
}

TEST_F(PoolTest, WhatWaitsTooLongIsTold) {
  Pool pool({.name = "p", .running = 1, .queued = 2, .max_wait = std::chrono::seconds(30)});
  const auto a = job(), b = job();
  submit(pool, {"a"}, a);
  submit(pool, {"b"}, b);
  pool.expire(Pool::Clock::now());
  EXPECT_EQ(pool.counts().queued, 1u);
  pool.expire(Pool::Clock::now() + std::chrono::seconds(31));
  EXPECT_EQ(b->told.get_future().get(), Refusal::waited);
  EXPECT_EQ(pool.counts().queued, 0u);
  a->end.set_value();
}

TEST_F(PoolTest, GroupsLeaveAPlaceToTheRest) {
  Pool pool({.name = "p", .running = 4, .queued = 8, .per_caller = 2});
  const auto a1 = job(), a2 = job(), b1 = job(), other = job(), d1 = job();
  submit(pool, {"a", "long"}, a1);
  submit(pool, {"a", "long"}, a2);
  submit(pool, {"b", "long"}, b1);
  submit(pool, {"d", "other"}, d1);
  submit(pool, {"c"}, other);
  EXPECT_TRUE(runs(*a1));
  EXPECT_TRUE(runs(*b1)) << "of a group with two places, one caller has one";
  EXPECT_TRUE(runs(*d1));
  EXPECT_TRUE(runs(*other));
  EXPECT_EQ(pool.counts().queued, 1u);
  a1->end.set_value();
  EXPECT_TRUE(runs(*a2));
  for (const auto& each : {a2, b1, other, d1}) each->end.set_value();
}

TEST_F(PoolTest, APermitOutlivesItsThreadAndMoves) {
  Pool pool({.name = "p", .running = 2, .queued = 8, .per_caller = 1});
  std::promise<Pool::Permit> kept;
  pool.submit({"a"}, [&](Refusal, Pool::Permit& permit) {
    enter_group("far");
    kept.set_value(std::move(permit));
  });
  Pool::Permit permit = kept.get_future().get();
  EXPECT_EQ(pool.counts().running, 1u);
  std::promise<std::string> requeued;
  pool.submit({"b"}, [&](Refusal, Pool::Permit&) {
    try {
      enter_group("far");
      requeued.set_value("");
    } catch (const Requeue& wanted) {
      requeued.set_value(wanted.group);
    }
  });
  EXPECT_EQ(requeued.get_future().get(), "far") << "the group has one place, which is taken";
  permit.release();
  enter_group("far");  // nothing outside of a pool
}

TEST_F(PoolTest, APermitTellsWhetherOthersCouldRunWithoutIt) {
  Pool pool({.name = "p", .running = 3, .queued = 8, .per_caller = 1});
  std::promise<Pool::Permit> kept;
  pool.submit({"a", "far"}, [&](Refusal, Pool::Permit& permit) { kept.set_value(std::move(permit)); });
  Pool::Permit permit = kept.get_future().get();
  const auto b1 = job(), b2 = job(), far = job();
  submit(pool, {"b"}, b1);
  submit(pool, {"b"}, b2);
  EXPECT_EQ(pool.counts().queued, 1u);
  EXPECT_FALSE(permit.is_wanted()) << "the caller's own waits for their own";
  submit(pool, {"c", "far"}, far);
  EXPECT_TRUE(permit.is_wanted());
  EXPECT_EQ(pool.counts().running, 2u) << "nothing has changed";
  permit.release();
  EXPECT_TRUE(runs(*far));
  EXPECT_FALSE(permit.is_wanted());
  for (const auto& each : {b1, b2, far}) each->end.set_value();
}

class ExecutorTest : public ServerTest {
 protected:
  ExecutorTest() {
    options.query_threads = 2;
    options.queries_per_caller = 1;
    options.max_queries_queued = 3;
    options.max_caller_queries = 2;
    routes.set_authenticator([](const Request& request, std::string&) -> std::optional<Caller> {
      auto name = request.header("authorization");
      if (name.empty()) return std::nullopt;
      if (name.starts_with("Bearer ")) name = trim(name.substr(7));
      return Caller{.user_id = std::string(name)};
    });
    routes.post("/short", {}, [this] {
      begun.fetch_add(1);
      begun.notify_all();
      released.wait(false);
      return std::string("short");
    });
    routes.get("/ok", {.auth = Auth::none}, [] { return std::string("ok"); });
    routes.post("/query", {.executor = Executor::query}, [this] {
      begun.fetch_add(1);
      begun.notify_all();
      released.wait(false);
      return std::string("answer");
    });
    routes.post("/stream", {.executor = Executor::query}, [] {
      return Response::stream("text/plain", [](Writer& writer) {
        writer.write("begun");
        while (writer.wait(std::chrono::hours(1))) {
        }
      });
    });
    routes.post("/far", {.executor = Executor::query}, [this] {
      far_tries.fetch_add(1);
      enter_group("far");
      begun.fetch_add(1);
      begun.notify_all();
      released.wait(false);
      return std::string("far");
    });
  }
  ~ExecutorTest() override {
    release();
    server.reset();
  }
  void release() {
    released = true;
    released.notify_all();
  }
  void wait_for(int count) {
    for (int now = begun; now < count; now = begun) begun.wait(now);
  }
  Client send(const std::string& target, const std::string& caller) {
    Client client(server->port());
    client.send(fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: 0\r\n\r\n",
                            target, caller));
    return client;
  }
  Answer ask_as(const std::string& target, const std::string& caller) { return send(target, caller).read(); }
  ExecutorCounts of(std::string_view name) {
    for (const auto& each : server->counts().executors)
      if (each.name == name) return each;
    return {};
  }
  void until_queued(std::uint64_t count) {
    while (of("query").queued != count) std::this_thread::yield();
  }
  std::atomic<int> begun = 0, far_tries = 0;
  std::atomic<bool> released = false;
};

TEST_F(ExecutorTest, SlowWorkIsRefusedBeforeItWaitsAndDelaysNothingElse) {
  start();
  Client a1 = send("/query", "a");
  wait_for(1);
  Client a2 = send("/query", "a");
  until_queued(1);
  const Answer own = ask_as("/query", "a");
  EXPECT_EQ(own.status, 429);
  EXPECT_EQ(own.header("retry-after"), "1");
  EXPECT_EQ(own.header("connection"), "") << "the connection goes on";
  Client b1 = send("/query", "b");
  wait_for(2);
  Client b2 = send("/query", "b"), c1 = send("/query", "c");
  until_queued(3);
  const Answer full = ask_as("/query", "d");
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.header("retry-after"), "1");
  EXPECT_EQ(get("/ok").body, "\"ok\"");
  EXPECT_EQ(ask("POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").status, 401);
  EXPECT_EQ(of("query").refused_caller, 1u);
  EXPECT_EQ(of("query").refused_full, 1u);
  release();
  for (Client* client : {&a1, &a2, &b1, &b2, &c1}) EXPECT_EQ(client->read().body, "\"answer\"");
}

TEST_F(ExecutorTest, ACallerIsOneHoweverTheirHeaderIsSpelled) {
  options.handler_threads = 4;
  start();
  Client a1 = send("/short", "Bearer a"), a2 = send("/short", "Bearer  a"), a3 = send("/short", "Bearer \ta");
  wait_for(3);
  Client a4 = send("/short", "Bearer   a");
  while (of("handlers").queued != 1) std::this_thread::yield();
  Client b1 = send("/short", "Bearer b");
  wait_for(4);
  EXPECT_EQ(of("handlers").queued, 1u);
  release();
  for (Client* client : {&a1, &a2, &a3, &a4, &b1}) EXPECT_EQ(client->read().status, 200);
}

TEST_F(ExecutorTest, AStreamKeepsItsPlaceUntilItsEnd) {
  start();
  Client stream = send("/stream", "a");
  char byte = 0;
  ASSERT_EQ(::recv(stream.fd(), &byte, 1, 0), 1);
  EXPECT_EQ(of("query").running, 1u);
  Client next = send("/query", "a");
  until_queued(1);
  stream.close();
  wait_for(1);
  release();
  EXPECT_EQ(next.read().status, 200);
}

TEST_F(ExecutorTest, WhatFindsItsGroupFullRunsAgainWhenThereIsAPlace) {
  start();
  Client a = send("/far", "a");
  wait_for(1);
  Client b = send("/far", "b");
  until_queued(1);
  EXPECT_EQ(far_tries, 2);
  Client c = send("/query", "c");
  wait_for(2);
  release();
  for (Client* client : {&a, &b, &c}) EXPECT_EQ(client->read().status, 200);
  EXPECT_EQ(far_tries, 3);
}

}  // namespace
}  // namespace agnes::http
