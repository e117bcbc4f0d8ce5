#include "lib/http_client/call.h"

#include <gtest/gtest.h>

#include "http_client/tiny_server.h"

namespace agnes::http_client {
namespace {

using std::chrono::milliseconds;

// The answers in turn, the last one for ever.
TinyServer::Answer in_turn(std::vector<std::string> answers) {
  auto next = std::make_shared<std::atomic<std::size_t>>(0);
  return [answers = std::move(answers), next](const TinyServer::Seen&) {
    return answers[std::min((*next)++, answers.size() - 1)];
  };
}
const std::string kNow = "Retry-After: 0\r\n";
const std::string kHalf = "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nhal";

TEST(Call, GoesToTheAddressesThatWereJudged) {
  TinyServer server(in_turn({TinyServer::answer(200, "ok")}));
  const auto port = server.url().substr(server.url().rfind(':'));
  const CallOptions options{.direct = true, .addresses = {"127.0.0.1"}};
  EXPECT_EQ(call("http://service.invalid" + port + "/x?y=1", {}, options).body, "ok");
  EXPECT_EQ(server.seen().at(0).target, "/x?y=1");
  EXPECT_EQ(server.seen().at(0).header("host"), "service.invalid" + port);
  EXPECT_THROW(call("http://service.invalid" + port, {}, {.direct = true}), TransportError);
}

TEST(CallRepeatedly, AsksAgainForWhatIsNotAvailableForAMoment) {
  TinyServer server(in_turn({TinyServer::answer(429, "", kNow), TinyServer::answer(503, "", kNow), kHalf,
                             TinyServer::answer(200, "at last")}));
  EXPECT_EQ(call_repeatedly(server.url(), {}, {}, {.tries = 4}).body, "at last");
  EXPECT_EQ(server.seen().size(), 4u);
}

TEST(CallRepeatedly, GivesUpAndTellsTheLastAnswer) {
  TinyServer server(in_turn({TinyServer::answer(503, "one", kNow), TinyServer::answer(500, "two", kNow)}));
  const auto last = call_repeatedly(server.url(), {}, {}, {.tries = 2});
  EXPECT_EQ(last.status, 500);
  EXPECT_EQ(last.body, "two");
  TinyServer cut(in_turn({kHalf}));
  EXPECT_THROW(call_repeatedly(cut.url(), {}, {}, {.tries = 2}), TransportError);
  EXPECT_EQ(cut.seen().size(), 2u);
}

TEST(CallRepeatedly, WhatWillNotPassIsNotAskedAgain) {
  for (const int status : {200, 302, 400, 401, 404, 501}) {
    TinyServer server(in_turn({TinyServer::answer(status, "", kNow)}));
    EXPECT_EQ(call_repeatedly(server.url(), {}).status, status);
    EXPECT_EQ(server.seen().size(), 1u);
  }
}

TEST(CallRepeatedly, TheTimeLimitHoldsForAllTriesTogether) {
  // It asks to wait for longer than there is time.
  TinyServer busy(in_turn({TinyServer::answer(503, "busy", "Retry-After: 30\r\n")}));
  EXPECT_EQ(call_repeatedly(busy.url(), {}, {.time_limit = milliseconds(5000)},
                            {.tries = 9, .longest_wait = milliseconds(10'000)})
                .status,
            503);
  EXPECT_EQ(busy.seen().size(), 1u);
  TinyServer silent(in_turn({TinyServer::kSilence}));
  try {
    call_repeatedly(silent.url(), {}, {.time_limit = milliseconds(100)});
    FAIL() << "no answer is not an answer";
  } catch (const TransportError& error) {
    EXPECT_EQ(error.cause(), TransportError::Cause::silent);
    EXPECT_NE(std::string(error.what()).find("did not answer in full in time"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(silent.seen().size(), 1u);
}

}  // namespace
}  // namespace agnes::http_client
