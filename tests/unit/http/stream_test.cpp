#include <future>

#include "fixture.h"

namespace agnes::http {
namespace {

class StreamTest : public ServerTest {
 protected:
  StreamTest() {
    options.handler_threads = 1;
    routes.get("/ok", {.auth = Auth::none}, [] { return std::string("ok"); });
    routes.get("/numbers", {.auth = Auth::none}, [] {
      return Response::stream("text/plain", [](Writer& writer) {
        for (int i = 0; i < 100000; ++i)
          if (!writer.write(std::to_string(i) + "\n")) return;
      });
    });
    routes.get("/broken", {.auth = Auth::none}, [] {
      return Response::stream("text/plain", [](Writer& writer) {
        writer.write("half");
        throw std::runtime_error("x");
      });
    });
    routes.get("/endless", {.auth = Auth::none}, [this] {
      return Response::stream("text/plain", [this](Writer& writer) {
        const std::string block(100000, 'x');
        while (writer.write(block)) {
        }
        ended.set_value();
      });
    });
    routes.get("/events", {.auth = Auth::none}, [this] {
      return Response::events([this](EventWriter& events) {
        events.send("one\ntwo", "news", "7");
        while (events.wait(std::chrono::hours(1))) {
        }
        ended.set_value();
      });
    });
    routes.get("/wait", {.auth = Auth::none}, [this] {
      entered.set_value();
      release.get_future().wait();
      return std::string("done");
    });
    // The first of them waits as well.
    routes.post("/slow", {.auth = Auth::none, .executor = Executor::compute}, [this] {
      if (++slow_begun == 1) {
        entered.set_value();
        release.get_future().wait();
      }
      return std::string("slow");
    });
  }
  static constexpr const char* kSlow = "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
  std::promise<void> ended, entered, release;
  std::atomic<int> slow_begun = 0;
};

TEST_F(StreamTest, SendsChunksAndKeepsTheConnection) {
  start();
  Client client(server->port());
  client.send("GET /numbers HTTP/1.1\r\nHost: x\r\n\r\nGET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answer answer = client.read();
  EXPECT_EQ(answer.header("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.body.size(), 588890u);
  EXPECT_EQ(client.read().body, "\"ok\"");
  const Answer old = ask("GET /numbers HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.header("transfer-encoding"), "");
  EXPECT_EQ(old.body, answer.body);
  const Answer head = ask("HEAD /numbers HTTP/1.1\r\nHost: x\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
}

TEST_F(StreamTest, ShowsThatAnAnswerIsNotWhole) {
  start();
  const Answer answer = get("/broken");
  EXPECT_EQ(answer.status, 0) << "no last chunk";
  EXPECT_EQ(answer.body, "half");
}

TEST_F(StreamTest, EndsWhenTheClientGoes) {
  start();
  {
    Client client(server->port());
    client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    char first = 0;
    ASSERT_EQ(::recv(client.fd(), &first, 1, 0), 1);
  }
  ended.get_future().wait();
  EXPECT_EQ(get("/ok").status, 200);
}

TEST_F(StreamTest, EventsEndWhenTheClientGoesThoughNothingIsSent) {
  start();
  {
    Client client(server->port());
    client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string seen;
    while (seen.find("\n\n") == std::string::npos) {
      char byte = 0;
      ASSERT_EQ(::recv(client.fd(), &byte, 1, 0), 1);
      seen += byte;
    }
    EXPECT_NE(seen.find("Content-Type: text/event-stream"), std::string::npos);
    EXPECT_NE(seen.find("event: news\nid: 7\ndata: one\ndata: two\n\n"), std::string::npos);
  }
  ended.get_future().wait();
}

TEST_F(StreamTest, WhoReadsNoAnswersGetsNoMoreOfThem) {
  options.max_answers = 8 << 20;
  options.compress = false;
  routes.get("/large", {.auth = Auth::none}, [] { return Response::text(std::string(32 << 20, 'x')); });
  routes.get("/mine", {}, [](const Caller&) { return std::string("mine"); });
  start();
  Client reads_nothing(server->port());
  reads_nothing.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  Answer refused;
  while (refused.status != 429) refused = get("/ok");
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_EQ(get("/mine", "Authorization: Bearer user\r\n").status, 503) << "all of it together, too";
  reads_nothing.close();
  while (get("/ok").status != 200) std::this_thread::yield();
}

// Somebody whose rights end while their answer is made or sent.
class RevokedTest : public ServerTest {
 protected:
  RevokedTest() {
    options.compress = false;
    routes.set_authenticator([this](const Request&, std::string&) -> std::optional<Caller> {
      if (!known) return std::nullopt;
      return Caller{.user_id = "u1"};
    });
    routes.get("/text", {}, [] { return Response::text(std::string(32 << 20, 'x')); });
    routes.get("/granted", {}, [this] {
      Response response = Response::text(std::string(32 << 20, 'x'));
      response.still_allowed = [this] { return granted.load(); };
      return response;
    });
    routes.get("/stream", {}, [this] {
      return Response::stream("text/plain", [this](Writer& writer) {
        while (writer.write(std::string(100000, 'x'))) {
        }
        ended.set_value();
      });
    });
    routes.get("/query", {.executor = Executor::query}, [this] {
      begun.set_value();
      while (!client_gone() && !released) std::this_thread::yield();
      Response response = Response::text("rows");
      response.still_allowed = [this] { return granted.load(); };
      return response;
    });
    start();
  }
  ~RevokedTest() override { server.reset(); }
  std::unique_ptr<Client> begin(const std::string& path) {
    auto client = std::make_unique<Client>(server->port());
    client->send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client;
  }
  static void read_some(Client& client) {
    char byte = 0;
    ASSERT_EQ(::recv(client.fd(), &byte, 1, MSG_PEEK), 1);
  }
  std::atomic<bool> known = true, granted = true, released = false;
  std::promise<void> begun, ended;
};

TEST_F(RevokedTest, EndsWhatIsSent) {
  for (const std::string path : {"/text", "/granted", "/stream"}) {
    const auto client = begin(path);
    read_some(*client);
    (path == "/granted" ? granted : known) = false;
    while (server->counts().connections > 0) std::this_thread::yield();
    EXPECT_EQ(client->read().status, 0) << path << " is not whole";
    known = granted = true;
  }
  ended.get_future().wait();
}

TEST_F(RevokedTest, EndsWorkAndAnswersNothing) {
  const auto client = begin("/query");
  begun.get_future().wait();
  known = false;
  EXPECT_EQ(client->read().status, 401);
}

TEST_F(RevokedTest, WhatEndsAfterwardsAnswersNothing) {
  const auto client = begin("/query");
  begun.get_future().wait();
  granted = false;
  released = true;
  const Answer answer = client->read();
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body.find("rows"), std::string::npos);
}

TEST_F(StreamTest, AStreamHoldsNoHandlerThread) {
  start();
  Client client(server->port());
  client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(get("/ok").status, 200);
  EXPECT_EQ(get("/ok").status, 200);
  client.close();
  ended.get_future().wait();
}

TEST_F(StreamTest, StopsOnceRequestsUnderWayAreAnswered) {
  start();
  const int port = server->port();
  Client idle(port), busy(port), streaming(port);
  idle.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(idle.read().status, 200);
  streaming.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  char byte = 0;
  ASSERT_EQ(::recv(streaming.fd(), &byte, 1, 0), 1);
  busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server->stop(std::chrono::minutes(1)); });
  EXPECT_TRUE(idle.ended());
  ended.get_future().wait();  // the stream was told
  release.set_value();
  const Answer answer = busy.read();
  EXPECT_EQ(answer.body, "\"done\"");
  EXPECT_TRUE(busy.ended());
  stopped.wait();
  EXPECT_FALSE(Client(port).connected());
}

TEST_F(StreamTest, StopsAtOnceWhenToldTo) {
  start();
  Client half(server->port()), endless(server->port());
  half.send("GET /ok HT");
  endless.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  char byte = 0;
  ASSERT_EQ(::recv(endless.fd(), &byte, 1, 0), 1);
  server->stop(std::chrono::milliseconds(0));
  EXPECT_TRUE(half.ended());
}

TEST_F(StreamTest, SaysWhenItIsFull) {
  options.max_queued = 0;
  options.max_connections = 2;
  start();
  Client busy(server->port());
  busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();
  Client second(server->port());
  second.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answer answer = second.read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("retry-after"), "1");
  release.set_value();
  EXPECT_EQ(busy.read().status, 200);
}

TEST_F(StreamTest, SlowRequestsWaitForEachOtherAndHoldNobodyElseUp) {
  options.compute_threads = 1;
  options.max_compute_queued = 1;
  start();
  Client first(server->port()), second(server->port());
  first.send(kSlow);
  entered.get_future().wait();
  second.send(kSlow);
  // One network thread: once this is answered, it has taken the second one in.
  EXPECT_EQ(get("/ok").status, 200);
  const Answer refused = ask(kSlow);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_EQ(get("/ok").status, 200);
  release.set_value();
  EXPECT_EQ(first.read().body, "\"slow\"");
  EXPECT_EQ(second.read().body, "\"slow\"");
}

TEST_F(StreamTest, WhatStillWaitsWhenTheTimeIsUpIsNotBegun) {
  options.compute_threads = 1;
  start();
  Client first(server->port()), second(server->port());
  first.send(kSlow);
  entered.get_future().wait();
  second.send(kSlow);
  EXPECT_EQ(get("/ok").status, 200);
  auto stopped = std::async(std::launch::async, [&] { server->stop(std::chrono::milliseconds(0)); });
  EXPECT_TRUE(first.ended());  // closed: the time is up
  release.set_value();
  stopped.wait();
  EXPECT_EQ(slow_begun, 1);
}

TEST_F(StreamTest, SaysWhenTooManyStreamsAreOpen) {
  options.max_streams = 1;
  start();
  Client first(server->port());
  first.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  char byte = 0;
  ASSERT_EQ(::recv(first.fd(), &byte, 1, 0), 1);
  EXPECT_EQ(get("/numbers").status, 503);
  first.close();
  ended.get_future().wait();
}

TEST_F(StreamTest, RefusesConnectionsOverTheLimit) {
  options.max_connections = 1;
  start();
  Client first(server->port());
  first.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();
  Client second(server->port());
  const Answer answer = second.read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "{\"detail\":\"Too many connections\"}\n");
  release.set_value();
}

TEST_F(StreamTest, NamesWhereItCannotListen) {
  start();
  const auto problem = [&](Server::Options wanted) {
    try {
      Server other(wanted, routes);
      other.start();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(problem({.port = server->port()}),
            fmt::format("cannot listen on 127.0.0.1:{}: another program uses that port", server->port()));
  EXPECT_EQ(problem({.host = "no.such.host.invalid"}),
            "cannot listen on no.such.host.invalid:0: unknown host");
  EXPECT_EQ(problem({.port = 99999}), "cannot listen on 127.0.0.1:99999: no such port");
}

}  // namespace
}  // namespace agnes::http
