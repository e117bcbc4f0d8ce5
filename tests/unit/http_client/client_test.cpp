#include "lib/http_client/client.h"

#include <gtest/gtest.h>

#include "http_client/tiny_server.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/http_client/download.h"
#include "lib/http_client/retry.h"

namespace agnes::http_client {
namespace {

using std::chrono::milliseconds;

Options options_for(const TinyServer& server, const std::string& token = "") {
  Options options;
  options.server = server.url();
  options.token = token;
  options.user_agent = "test/1";
  return options;
}

TEST(Address, IsHttpOrHttpsAndNothingElse) {
  EXPECT_EQ(normalize_server("https://Agnes.Example.com/"), "https://agnes.example.com");
  EXPECT_EQ(normalize_server(" http://127.0.0.1:8000 "), "http://127.0.0.1:8000");
  EXPECT_EQ(normalize_server("HTTPS://x/Prefix//"), "https://x/Prefix");
  for (const char* bad :
       {"", "x", "x.example.com", "ftp://x", "file:///etc/passwd", "http://", "http:///x", "https://a@b",
        "http://x/?q=1", "http://x/#f", "http://x y", "http://x\r\nHost: y", "://x"})
    EXPECT_THROW(normalize_server(bad), Error) << bad;
}

TEST(Address, EscapesWhatGoesIntoIt) {
  EXPECT_EQ(percent_encode("a b/ä?&=%"), "a%20b%2F%C3%A4%3F%26%3D%25");
  EXPECT_EQ(percent_encode("in.c-crm.orders_1~"), "in.c-crm.orders_1~");
  EXPECT_EQ(with_params("/p", {}), "/p");
  EXPECT_EQ(with_params("/p", {{"a", "1 2"}, {"b", ""}}), "/p?a=1%202&b=");
  EXPECT_EQ(with_params("/p?x=1", {{"a", "&"}}), "/p?x=1&a=%26");
}

TEST(Retry, WaitsLongerEachTime) {
  EXPECT_EQ(backoff(1), milliseconds(300));
  EXPECT_EQ(backoff(2), milliseconds(1000));
  EXPECT_EQ(backoff(3), milliseconds(3000));
  EXPECT_EQ(backoff(4), milliseconds(6000));
  EXPECT_EQ(backoff(50), milliseconds(30000));
}

TEST(Retry, ReadsRetryAfter) {
  EXPECT_EQ(parse_retry_after("2"), milliseconds(2000));
  EXPECT_EQ(parse_retry_after(" 0 "), milliseconds(0));
  EXPECT_EQ(parse_retry_after("86400"), milliseconds(60000)) << "no longer than a minute";
  EXPECT_EQ(parse_retry_after("-5"), milliseconds(0));
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), milliseconds(0));
  EXPECT_EQ(parse_retry_after("soon"), std::nullopt);
}

TEST(Retry, KnowsWhatMayPass) {
  for (const int status : {429, 500, 502, 503, 504}) EXPECT_TRUE(is_retryable_status(status)) << status;
  for (const int status : {200, 304, 400, 401, 403, 404, 409, 416, 501, 507})
    EXPECT_FALSE(is_retryable_status(status)) << status;
  std::atomic<bool> cancelled = true;
  EXPECT_THROW(wait(milliseconds(60000), [&] { return cancelled.load(); }), Cancelled);
}

TEST(Client, SendsAndReceives) {
  TinyServer server([](const TinyServer::Seen& seen) {
    return TinyServer::answer(200, R"({"method":")" + seen.method + R"("})",
                              "X-Thing:  a b \r\nETag: \"1\"\r\n");
  });
  Client client(options_for(server, "secret"));
  const Response response = client.send_json("PUT", "/x?y=1", {{"k", "v"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.ok());
  EXPECT_EQ(response.header("x-thing"), "a b");
  EXPECT_EQ(response.header("etag"), "\"1\"");
  EXPECT_EQ(response.header("nope"), std::nullopt);
  EXPECT_EQ(response.json().at("method").as_string(), "PUT");
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].target, "/x?y=1");
  EXPECT_EQ(seen[0].body, R"({"k":"v"})");
  EXPECT_EQ(seen[0].header("authorization"), "Bearer secret");
  EXPECT_EQ(seen[0].header("user-agent"), "test/1");
  EXPECT_EQ(seen[0].header("content-type"), "application/json");
}

TEST(Client, UsesOneConnectionForRequestsInARow) {
  TinyServer server([](const TinyServer::Seen&) { return TinyServer::answer(200, "{}"); });
  Client client(options_for(server));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, TheTokenIsNoWayIntoTheHeaders) {
  TinyServer server([](const TinyServer::Seen&) { return TinyServer::answer(200, "{}"); });
  EXPECT_THROW(Client(options_for(server, "a\r\nX: 1")), Error);
  EXPECT_THROW(Client(options_for(server, "a b")), Error);
}

TEST(Client, WhatACallbackThrowsComesOut) {
  TinyServer server([](const TinyServer::Seen&) { return TinyServer::answer(200, "body"); });
  Client client(options_for(server));
  const Request request{.method = "GET", .path = "/", .headers = {}, .body = {}};
  EXPECT_THROW(client.stream(
                   request, [](const Head&) { throw std::logic_error("head"); }, [](std::string_view) {}),
               std::logic_error);
  EXPECT_THROW(client.stream(
                   request, [](const Head&) {}, [](std::string_view) { throw std::logic_error("body"); }),
               std::logic_error);
  EXPECT_EQ(client.get("/").status, 200) << "and the client goes on";
}

TEST(Client, NamesWhatWentWrong) {
  const auto cause_of = [](const std::string& raw) {
    TinyServer server([raw](const TinyServer::Seen&) { return raw; });
    Client client(options_for(server));
    try {
      client.get("/");
    } catch (const TransportError& error) {
      EXPECT_NE(std::string_view(error.what()).find(server.url()), std::string_view::npos) << error.what();
      return error.cause();
    }
    ADD_FAILURE() << "no error for " << raw;
    return TransportError::Cause::other;
  };
  EXPECT_EQ(cause_of(""), TransportError::Cause::broken);
  EXPECT_EQ(cause_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), TransportError::Cause::broken);
  EXPECT_EQ(cause_of("HTTP/1.1 200 OK\r\nContent-Type: text/pl"), TransportError::Cause::broken);
  EXPECT_EQ(cause_of("HTTP/1.1 200 OK\r\n"), TransportError::Cause::broken);
  Options nowhere;
  nowhere.server = "http://127.0.0.1:9";
  Client client(nowhere);
  try {
    client.get("/");
    FAIL();
  } catch (const TransportError& error) {
    EXPECT_EQ(error.cause(), TransportError::Cause::unreachable);
  }
}

TEST(Client, GivesUpOnASilentServer) {
  TinyServer server([](const TinyServer::Seen&) { return TinyServer::kSilence; });
  Client client(options_for(server));
  Request request{.method = "GET", .path = "/", .headers = {}, .body = {}};
  request.timeout = std::chrono::seconds(1);
  try {
    client.send(request);
    FAIL();
  } catch (const TransportError& error) {
    EXPECT_EQ(error.cause(), TransportError::Cause::silent);
    EXPECT_NE(std::string_view(error.what()).find("sent nothing for 1 s"), std::string_view::npos)
        << error.what();
  }
}

TEST(Client, IsCancelled) {
  std::atomic<bool> cancelled = false;
  TinyServer server([&](const TinyServer::Seen&) {
    cancelled = true;
    return TinyServer::kSilence;
  });
  Options options = options_for(server);
  options.cancelled = [&] { return cancelled.load(); };
  Client client(options);
  EXPECT_THROW(client.get("/"), Cancelled);
}

TEST(Client, SaysWhenAnAnswerIsNoJson) {
  Response response;
  response.status = 200;
  for (const char* body : {"", "<html>", "{", "{} {}"}) {
    response.body = body;
    EXPECT_THROW(response.json(), Error) << body;
  }
  response.body = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_THROW(response.json(), Error) << "nested without end";
}

// A file that is served in the ways that servers have.
class Downloads : public testing::Test {
 protected:
  Downloads() : folder_(fs::temp_directory_path()) {
    for (int i = 0; i < 100'000; ++i) content_ += static_cast<char>(i * 7 % 251);
    content_ = "PAR1" + content_ + "PAR1";
    target_ = folder_.path() / "t.parquet";
  }
  std::string range_answer(const TinyServer::Seen& seen, std::string_view etag = "\"e\"") const {
    const std::string range = seen.header("range");
    const std::string head = fmt::format("ETag: {}\r\n", etag);
    if (range.empty()) return TinyServer::answer(200, content_, head);
    const auto dash = range.find('-');
    const std::size_t begin = std::stoul(range.substr(6, dash - 6));
    const std::size_t end = dash + 1 == range.size()
                                ? content_.size()
                                : std::min(content_.size(), std::stoul(range.substr(dash + 1)) + 1);
    return TinyServer::answer(
        206, content_.substr(begin, end - begin),
        head + fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, content_.size()));
  }
  Download wanted(bool with_hash = true) const {
    return {"/file", target_, with_hash ? md5_hex(content_) : "", content_.size()};
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) names.push_back(entry.path().filename());
    return names;
  }

  TemporaryFolder folder_;
  std::string content_;
  fs::path target_;
};

TEST_F(Downloads, ReportEveryByteOnce) {
  TinyServer server([&](const TinyServer::Seen& seen) { return range_answer(seen); });
  Client client(options_for(server));
  std::atomic<std::int64_t> sum = 0;
  download(client, wanted(), {.retries = 0, .segments = 4, .segment_threshold = 1000},
           [&](std::int64_t n) { sum += n; });
  EXPECT_EQ(read_file(target_), content_);
  EXPECT_EQ(sum, static_cast<std::int64_t>(content_.size()));
  EXPECT_EQ(server.seen().size(), 4u);
  EXPECT_EQ(files(), std::vector<std::string>{"t.parquet"});
}

TEST_F(Downloads, WithoutAHashMustLookLikeParquet) {
  TinyServer server([&](const TinyServer::Seen& seen) { return range_answer(seen); });
  Client client(options_for(server));
  download(client, wanted(false), {}, {});
  EXPECT_EQ(read_file(target_), content_);
  content_ = "<html>not a table</html>";
  EXPECT_THROW(download(client, wanted(false), {}, {}), HashMismatch);
  EXPECT_EQ(files(), std::vector<std::string>{"t.parquet"});
}

TEST_F(Downloads, StartOverWhenTheFileChangedInBetween) {
  // The first part is of one version, the others of the next.
  std::atomic<int> count = 0;
  TinyServer server(
      [&](const TinyServer::Seen& seen) { return range_answer(seen, count++ == 0 ? "\"a\"" : "\"b\""); });
  Client client(options_for(server));
  download(client, wanted(), {.retries = 0, .segments = 3, .segment_threshold = 1000}, {});
  EXPECT_EQ(read_file(target_), content_);
}

TEST_F(Downloads, AFileThatNeverStopsChangingIsGivenUp) {
  std::atomic<int> count = 0;
  TinyServer server(
      [&](const TinyServer::Seen& seen) { return range_answer(seen, fmt::format("\"{}\"", count++)); });
  Client client(options_for(server));
  EXPECT_THROW(download(client, wanted(), {.retries = 0, .segments = 3, .segment_threshold = 1000}, {}),
               Error);
  EXPECT_FALSE(fs::exists(target_));
  EXPECT_TRUE(files().empty());
}

TEST_F(Downloads, RangesThatLieAreRefused) {
  for (const char* range :
       {"bytes 5-9/20", "bytes 0-9", "bytes 0-9/5", "nonsense", "bytes 9-0/20", "bytes -1-5/20", ""}) {
    TinyServer server([&](const TinyServer::Seen& seen) {
      return seen.header("range").empty()
                 ? TinyServer::answer(200, content_)
                 : TinyServer::answer(206, "0123456789", fmt::format("Content-Range: {}\r\n", range));
    });
    Client client(options_for(server));
    EXPECT_THROW(download(client, wanted(), {.retries = 0, .segments = 2, .segment_threshold = 1000}, {}),
                 Error)
        << range;
    EXPECT_TRUE(files().empty()) << range;
  }
}

TEST_F(Downloads, ARecordThatMakesNoSenseIsIgnored) {
  TinyServer server([&](const TinyServer::Seen& seen) { return range_answer(seen); });
  Client client(options_for(server));
  const std::string part = partial_name(wanted());
  for (const char* record :
       {"", "{", "[]", R"({"etag":"\"e\"","segments":[[0,10,20]]})", R"({"etag":"","segments":[[5,10,0]]})",
        R"({"etag":"","segments":[[0,99999999,99999]]})", R"({"etag":1,"segments":7})",
        R"({"etag":"","segments":[[-1,10,0]]})"}) {
    replace_file(part, "half");
    replace_file(part + ".json", record);
    fs::remove(target_);
    download(client, wanted(), {}, {});
    EXPECT_EQ(read_file(target_), content_) << record;
    EXPECT_EQ(files(), std::vector<std::string>{"t.parquet"}) << record;
  }
}

TEST_F(Downloads, TakeUpWhatIsThere) {
  TinyServer server([&](const TinyServer::Seen& seen) { return range_answer(seen); });
  Client client(options_for(server));
  const std::string part = partial_name(wanted());
  replace_file(part, content_.substr(0, 50'000));
  replace_file(part + ".json",
               fmt::format(R"({{"etag":"\"e\"","segments":[[0,{},40000]]}})", content_.size()));
  std::int64_t sum = 0;
  download(client, wanted(), {}, [&](std::int64_t n) { sum += n; });
  EXPECT_EQ(read_file(target_), content_);
  EXPECT_EQ(sum, static_cast<std::int64_t>(content_.size()));
  ASSERT_EQ(server.seen().size(), 1u);
  EXPECT_EQ(server.seen()[0].header("range"), fmt::format("bytes=40000-{}", content_.size() - 1));
  EXPECT_EQ(server.seen()[0].header("if-range"), "\"e\"");
}

TEST_F(Downloads, ALinkInThePlaceOfTheHalfFileIsNotFollowed) {
  TinyServer server([&](const TinyServer::Seen& seen) { return range_answer(seen); });
  Client client(options_for(server));
  const fs::path outside = folder_.path() / "outside";
  replace_file(outside, "mine");
  fs::create_symlink(outside, partial_name(wanted()));
  EXPECT_THROW(download(client, wanted(), {}, {}), Error);
  EXPECT_EQ(read_file(outside), "mine");
}

TEST_F(Downloads, GiveUpAfterSoManyFailuresInARow) {
  TinyServer server(
      [&](const TinyServer::Seen&) { return TinyServer::answer(503, "{}", "Retry-After: 0\r\n"); });
  Client client(options_for(server));
  try {
    download(client, wanted(), {.retries = 2}, {});
    FAIL();
  } catch (const StatusError& error) {
    EXPECT_EQ(error.response().status, 503);
  }
  EXPECT_EQ(server.seen().size(), 3u);
}

}  // namespace
}  // namespace agnes::http_client
