#include <gtest/gtest.h>

#include "lib/http/response.h"

namespace agnes::http {
namespace {

TEST(Request, DecodesItsTarget) {
  const Request request("GET", "/a%20b/%C3%A9?x=1&y=a%2Bb+c&x=2&z&=v&bad=%zz");
  EXPECT_EQ(request.path(), "/a b/\xc3\xa9");
  EXPECT_EQ(request.query("x"), "2");
  EXPECT_EQ(request.query_all("x"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(request.query("y"), "a+b c");
  EXPECT_EQ(request.query("z"), "");
  EXPECT_EQ(request.query("bad"), "%zz");
  EXPECT_EQ(request.query("w"), std::nullopt);
}

TEST(Request, ReadsHeadersAndCookies) {
  Request request("GET", "/");
  request.add_header("Cookie", "a=1; b=\"two\" ;c=x=y;; d");
  request.add_header("X-Thing", "yes");
  EXPECT_EQ(request.header("x-thing"), "yes");
  EXPECT_EQ(request.header("x-other"), "");
  EXPECT_EQ(request.cookie("a"), "1");
  EXPECT_EQ(request.cookie("b"), "two");
  EXPECT_EQ(request.cookie("c"), "x=y");
  EXPECT_EQ(request.cookie("d"), "");
  EXPECT_EQ(request.cookie("A"), "");
}

TEST(Request, BelievesOnlyTrustedProxies) {
  struct Case {
    std::string peer, forwarded;
    std::vector<std::string> trusted;
    std::string client;
  };
  const Case cases[] = {
      {"9.9.9.9", "1.1.1.1", {}, "9.9.9.9"},
      {"9.9.9.9", "1.1.1.1", {"10.0.0.0/8"}, "9.9.9.9"},
      {"10.1.2.3", "1.1.1.1", {"10.0.0.0/8"}, "1.1.1.1"},
      {"10.1.2.3", "6.6.6.6, 1.1.1.1", {"10.0.0.0/8"}, "1.1.1.1"},
      {"10.1.2.3", "6.6.6.6, 1.1.1.1, 10.9.9.9", {"10.0.0.0/8"}, "1.1.1.1"},
      {"10.1.2.3", "1.1.1.1:4711", {"10.1.2.3"}, "1.1.1.1"},
      {"10.1.2.3", "[2001:db8::1]:80", {"10.1.2.3"}, "2001:db8::1"},
      {"10.1.2.3", "nonsense", {"10.1.2.3"}, "10.1.2.3"},
      {"10.1.2.3", "1.1.1.1", {"10.1.2.3/33", "x", ""}, "10.1.2.3"},
      {"10.1.2.3", "1.1.1.1", {"*"}, "1.1.1.1"},
      {"::1", "1.1.1.1", {"::1/128"}, "1.1.1.1"},
      {"11.0.0.1", "1.1.1.1", {"10.0.0.0/7"}, "1.1.1.1"},
      {"12.0.0.1", "1.1.1.1", {"10.0.0.0/7"}, "12.0.0.1"},
  };
  for (const auto& [peer, forwarded, trusted, client] : cases) {
    Request request("GET", "/");
    request.add_header("X-Forwarded-For", forwarded);
    request.add_header("X-Forwarded-Proto", "https");
    request.add_header("X-Forwarded-Host", "agnes.example.com");
    request.add_header("Host", "inner");
    request.set_peer(peer, trusted);
    EXPECT_EQ(request.client_address(), client) << peer << " " << forwarded;
    EXPECT_EQ(request.remote_address(), peer);
    const bool believed = request.scheme() == "https";
    EXPECT_EQ(request.host(), believed ? "agnes.example.com" : "inner");
  }
}

TEST(Request, ReadsHeaderParameters) {
  EXPECT_EQ(header_parameter("form-data; name=\"a;b\"; filename=c", "name"), "a;b");
  EXPECT_EQ(header_parameter("form-data; name=\"a;b\"; filename=c", "filename"), "c");
  EXPECT_EQ(header_parameter("form-data; name=\"C:\\dir\\x\"", "name"), "C:\\dir\\x");
  EXPECT_EQ(header_parameter("form-data; flag; name=x", "name"), "x");
  EXPECT_EQ(header_parameter("form-data", "name"), "");
  EXPECT_EQ(header_parameter("form-data; name=\"open", "name"), "open");
}

TEST(Request, LimitsForms) {
  Request request("POST", "/");
  request.add_header("Content-Type", "application/x-www-form-urlencoded");
  request.set_body("a=1&b=2&c=3");
  EXPECT_EQ(request.form().fields.size(), 3u);
  EXPECT_THROW(request.form({.fields = 2}), Error);
  request.set_body("a=%ff");
  EXPECT_THROW(request.form(), Error);
}

TEST(Response, CannotBeSplit) {
  Response response;
  response.header("Location", "/a\r\nSet-Cookie: x=1")
      .cookie({.name = "a", .value = "b\r\nc", .max_age = 0, .secure = true});
  EXPECT_EQ(*response.find_header("location"), "/aSet-Cookie: x=1");
  EXPECT_EQ(*response.find_header("set-cookie"), "a=bc; Path=/; Max-Age=0; SameSite=lax; HttpOnly; Secure");
}

TEST(Response, ReadsAndWritesHttpDates) {
  EXPECT_EQ(format_http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("Sunday"), std::nullopt);
}

TEST(Response, PacksAndUnpacks) {
  const std::string text(100000, 'a');
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), 1000u);
  EXPECT_EQ(gunzip(packed, text.size()), text);
  EXPECT_THROW(gunzip(packed, text.size() - 1), Error);
  EXPECT_THROW(gunzip(packed.substr(0, 50), text.size()), Error);
  EXPECT_THROW(gunzip("x", 10), Error);
  EXPECT_EQ(gunzip(gzip(""), 0), "");
}

}  // namespace
}  // namespace agnes::http
