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
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 400},
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
  EXPECT_EQ(post("/echo", std::string(100000, 'a')).body.size(), 100000u);
  EXPECT_EQ(post("/echo", std::string(100001, 'a')).status, 413);
  EXPECT_EQ(post("/echo", std::string(3000000, 'a')).status, 413) << "also when all of it is sent anyway";
  EXPECT_EQ(post("/big", std::string(1 << 20, 'a')).body, "1048576");
  std::string chunks;
  for (int i = 0; i < 30; ++i) chunks += "1000\r\n" + std::string(4096, 'a') + "\r\n";
  EXPECT_EQ(ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n")
                .status,
            413);
  const std::string bomb = gzip(std::string(200000, 'a'));
  EXPECT_EQ(post("/echo", bomb, "Content-Encoding: gzip\r\n").status, 413);
  EXPECT_EQ(post("/echo", gzip("hello"), "Content-Encoding: gzip\r\n").body, "hello");
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
