#include <future>

#include "fixture.h"

namespace agnes::http {
namespace {

struct Text {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Text, (), (text))

class ProtocolTest : public ServerTest {
 protected:
  ProtocolTest() {
    options.max_header = 8192;
    options.max_body = 100000;
    options.header_timeout = std::chrono::milliseconds(300);
    options.body_timeout = std::chrono::milliseconds(300);
    routes.get("/ok", {.auth = Auth::none}, [] { return std::string("ok"); });
    routes.get("/inline", {.auth = Auth::none, .executor = Executor::io}, [] { return std::string("ok"); });
    routes.post("/echo", {.auth = Auth::none},
                [](const Request& request) { return Response::text(request.body()); });
    routes.post("/big", {.auth = Auth::none, .max_body = 1 << 20},
                [](const Request& request) { return Response::text(std::to_string(request.body().size())); });
    routes.post("/known", {.auth = Auth::user},
                [](const Request& request) { return Response::text(request.body()); });
    routes.post("/list", {.auth = Auth::user, .max_body = 4 << 20},
                [](const std::vector<int>& list) { return list.size(); });
    routes.post("/form", {.auth = Auth::none, .max_body = 4 << 20},
                [](const Request& request) { return request.form().fields.size(); });
    routes.post("/mine", {.auth = Auth::user, .max_body = 1 << 20},
                [](const Request&) { return std::string("got"); });
    std::string text;
    for (int i = 0; i < 300; ++i) text += "line " + std::to_string(i) + "\n";
    plain = text;
    routes.get("/text", {.auth = Auth::none},
               [text] { return Response::text(text).header("ETag", "\"t\""); });
    routes.get("/shared", {.auth = Auth::none, .executor = Executor::io},
               [shared = std::make_shared<SharedText>(text)] {
                 return Response::shared_json({shared, "the end\n"}, "\"s\"");
               });
    routes.get("/tiny", {.auth = Auth::none}, [] { return Response::text("tiny"); });
    start();
  }
  std::string plain;
};

TEST_F(ProtocolTest, RefusesWhatIsMalformed) {
  struct Case {
    std::string bytes;
    int status;
  };
  const Case cases[] = {
      {"\r\n\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET /ok\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nab", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 400},
      {"GET /ok HTTP/2.0\r\nHost: a\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\nHost: a\n\n", 400},
      {"GET  /ok HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /o k HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"G\x01T /ok HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET ok HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"GET /ok HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
      {std::string("GET /ok HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 37), 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
  };
  for (const auto& [bytes, status] : cases) {
    Client client(server->port());
    client.send(bytes);
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, status) << escape_control(bytes);
    if (answer.status != 0) {
      EXPECT_TRUE(answer.json().as_object().contains("detail")) << answer.body;
    }
    if (status == 400) {
      EXPECT_EQ(answer.header("connection"), "close") << escape_control(bytes);
      client.end_sending();
      EXPECT_TRUE(client.ended()) << escape_control(bytes);
    }
  }
  EXPECT_EQ(get("/ok").status, 200) << "and goes on serving";
}

class BodyShareTest : public ServerTest {};

TEST_F(BodyShareTest, OneAddressHoldsItsShareOfTheMemoryForBodies) {
  options.max_bodies = 80'000;
  routes.post("/echo", {.auth = Auth::none},
              [](const Request& request) { return Response::text(request.body()); });
  routes.post("/known", {.auth = Auth::user},
              [](const Request& request) { return Response::text(request.body()); });
  start();
  EXPECT_EQ(post("/echo", std::string(9'000, 'a')).status, 200);
  EXPECT_EQ(post("/echo", std::string(11'000, 'a')).status, 503);
  EXPECT_EQ(post("/known", std::string(9'000, 'a'), "Authorization: Bearer user\r\n").status, 200)
      << "given back";
}

class CrowdedTest : public ServerTest {
 protected:
  static std::string get_ok() { return "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n"; }
};

TEST_F(CrowdedTest, IdleConnectionsMakeRoomForNewOnes) {
  options.max_address_connections = 4;
  routes.get("/ok", {.auth = Auth::none}, [] { return std::string("ok"); });
  start();
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(std::make_unique<Client>(server->port()));
    idle.back()->send(get_ok());
    EXPECT_EQ(idle.back()->read().status, 200);
  }
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(idle[static_cast<std::size_t>(i)]->ended());
  idle.back()->send(get_ok());
  EXPECT_EQ(idle.back()->read().status, 200) << "the latest one stays";
}

TEST_F(CrowdedTest, BusyConnectionsAreNotClosedForNewOnes) {
  options.max_address_connections = 2;
  std::promise<void> go;
  std::atomic<int> inside{0};
  const auto going = go.get_future().share();
  routes.get("/wait", {.auth = Auth::none}, [&] {
    ++inside;
    inside.notify_all();
    going.wait();
    return std::string("done");
  });
  start();
  Client first(server->port()), second(server->port());
  for (Client* client : {&first, &second}) client->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int seen = inside; seen < 2; seen = inside) inside.wait(seen);
  EXPECT_EQ(get("/wait").status, 503);
  go.set_value();
  for (Client* client : {&first, &second}) EXPECT_EQ(client->read().body, "\"done\"");
}

TEST_F(ProtocolTest, SpeaksBothVersions) {
  const Answer old = ask("GET /ok HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.status, 200);
  EXPECT_EQ(old.header("connection"), "close");
  EXPECT_EQ(ask("GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"), "keep-alive");
  Client client(server->port());
  client.send("GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read().header("connection"), "close");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(get("http://x/ok").status, 200) << "the absolute form";
  for (const char* none : {"http://x?/ok", "http://x?a=/ok"}) EXPECT_EQ(get(none).status, 400) << none;
}

TEST_F(ProtocolTest, AnswersPipelinedRequestsInOrder) {
  Client client(server->port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string body = std::string(static_cast<std::size_t>(i * 7), 'x') + std::to_string(i);
    all += fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
    all += "GET /inline HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.read().body.substr(static_cast<std::size_t>(i * 7)), std::to_string(i));
    EXPECT_EQ(client.read().body, "\"ok\"");
  }
}

TEST_F(ProtocolTest, TakesRequestsInAnyPieces) {
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n6\r\n "
      "world\r\n0\r\nTrailer: "
      "a\r\n\r\n";
  Client client(server->port());
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    client.send(request.substr(0, cut));
    client.send(request.substr(cut));
    EXPECT_EQ(client.read().body, "hello world") << cut;
  }
}

TEST_F(ProtocolTest, AnswersAClientThatHasStoppedSending) {
  Client client(server->port());
  client.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
  client.end_sending();
  EXPECT_EQ(client.read().body, "\"ok\"");
  EXPECT_TRUE(client.ended());
  Client half(server->port());
  half.send("GET /ok HT");
  half.end_sending();
  EXPECT_EQ(half.read().status, 400);
  Client body(server->port());
  body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  body.end_sending();
  EXPECT_EQ(body.read().status, 400);
  Client nothing(server->port());
  nothing.end_sending();
  EXPECT_TRUE(nothing.ended());
}

TEST_F(ProtocolTest, EndsSlowRequests) {
  Client header(server->port());
  header.send("GET /ok HTTP/1.1\r\nHo");
  EXPECT_EQ(header.read().status, 408);
  EXPECT_TRUE(header.ended());
  Client body(server->port());
  body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(body.read().status, 408);
  Client chunked(server->port());
  chunked.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  EXPECT_EQ(chunked.read().status, 408);
}

TEST_F(ProtocolTest, LimitsHeaders) {
  EXPECT_EQ(get("/ok", "X: " + std::string(7000, 'a') + "\r\n").status, 200);
  EXPECT_EQ(get("/ok", "X: " + std::string(9000, 'a') + "\r\n").status, 431);
  EXPECT_EQ(get("/" + std::string(9000, 'a')).status, 431);
  EXPECT_EQ(get("/ok", "X: " + std::string(300000, 'a') + "\r\n").status, 431);
}

TEST_F(ProtocolTest, LimitsBodies) {
  const std::string known = "Authorization: Bearer user\r\n";
  EXPECT_EQ(post("/known", std::string(100000, 'a'), known).body.size(), 100000u);
  EXPECT_EQ(post("/known", std::string(100001, 'a'), known).status, 413);
  EXPECT_EQ(post("/echo", std::string(65536, 'a')).body.size(), 65536u) << "of somebody who is not known";
  EXPECT_EQ(post("/echo", std::string(65537, 'a')).status, 413);
  EXPECT_EQ(ask("GET /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n").status, 413);
  EXPECT_EQ(post("/echo", std::string(3000000, 'a')).status, 413) << "also when all of it is sent anyway";
  EXPECT_EQ(post("/big", std::string(1 << 20, 'a')).body, "1048576");
  std::string chunks;
  for (int i = 0; i < 30; ++i) chunks += "1000\r\n" + std::string(4096, 'a') + "\r\n";
  EXPECT_EQ(ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n")
                .status,
            413);
}

TEST_F(ProtocolTest, UnpacksBodiesOnlyOfKnownCallers) {
  const std::string packed = "Content-Encoding: gzip\r\n", known = packed + "Authorization: Bearer user\r\n";
  EXPECT_EQ(post("/known", gzip("hello"), known).body, "hello");
  EXPECT_EQ(post("/known", gzip(std::string(200000, 'a')), known).status, 413);
  EXPECT_EQ(post("/known", "hello", known).status, 400);
  EXPECT_EQ(post("/known", "hello", "Content-Encoding: br\r\nAuthorization: Bearer user\r\n").status, 415);
  EXPECT_EQ(post("/known", gzip("hello"), packed).status, 401);
  EXPECT_EQ(post("/echo", gzip("hello"), packed).status, 415);
  EXPECT_EQ(post("/nope", gzip("hello"), packed).status, 404);
}

// Sixty-four bytes are made of two.
TEST_F(ProtocolTest, StopsParsingAtTooManyValues) {
  const auto list = [](std::size_t count) {
    std::string text = "[0";
    for (std::size_t i = 1; i < count; ++i) text += ",0";
    return text + "]";
  };
  const std::string known = "Authorization: Bearer user\r\n";
  EXPECT_EQ(post("/list", list(200'000), known).body, "200000");
  EXPECT_EQ(post("/list", list(300'000), known).status, 413);
  const auto form = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "a&";
    return text;
  };
  const std::string type = "application/x-www-form-urlencoded";
  EXPECT_EQ(post("/form", form(1000), "", type).body, "1000");
  EXPECT_EQ(post("/form", form(1'000'000), "", type).status, 413);
}

// What is announced and does not come takes nothing from others.
TEST_F(ProtocolTest, CountsBodiesAsTheyCome) {
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 64; ++i) {
    waiting.push_back(std::make_unique<Client>(server->port()));
    waiting.back()->send("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\na");
  }
  EXPECT_EQ(post("/echo", "hello").body, "hello");
}

TEST_F(ProtocolTest, AsksForTheBodyOnlyWhenItWillTakeIt) {
  Client client(server->port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.send("hello");
  EXPECT_EQ(client.read().body, "hello");
  const auto expect = [&](const std::string& path, std::size_t length) {
    return ask(fmt::format(
                   "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", path,
                   length))
        .status;
  };
  EXPECT_EQ(expect("/echo", 100001), 413);
  EXPECT_EQ(expect("/mine", 5), 401);
  EXPECT_EQ(expect("/nope", 5), 404);
  EXPECT_EQ(expect("/ok", 5), 405);
  // A large body of somebody who may not send it is not kept.
  EXPECT_EQ(ask("POST /mine HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc").status, 401);
}

TEST_F(ProtocolTest, CompressesWhatIsWorthIt) {
  const std::string accept = "Accept-Encoding: br, gzip;q=0.8\r\n";
  Answer answer = get("/text", accept);
  EXPECT_EQ(answer.header("content-encoding"), "gzip");
  EXPECT_EQ(answer.header("vary"), "Accept-Encoding");
  EXPECT_EQ(answer.header("etag"), "W/\"t\"");
  EXPECT_EQ(gunzip(answer.body, 1 << 20), plain);
  answer = get("/shared", accept);
  EXPECT_EQ(answer.header("content-encoding"), "gzip");
  EXPECT_EQ(gunzip(answer.body, 1 << 20), plain + "the end\n");
  EXPECT_EQ(get("/text", accept + "If-None-Match: W/\"t\"\r\n").status, 304);
  EXPECT_EQ(get("/shared", "If-None-Match: \"s\"\r\n").status, 304);
  EXPECT_EQ(get("/tiny", accept).header("content-encoding"), "");
  for (const char* none :
       {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: identity\r\n"}) {
    EXPECT_EQ(get("/text", none).body, plain) << none;
    EXPECT_EQ(get("/shared", none).body, plain + "the end\n") << none;
  }
}

}  // namespace
}  // namespace agnes::http
