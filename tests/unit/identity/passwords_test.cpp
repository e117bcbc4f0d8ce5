#include "core/identity/passwords.h"

#include <thread>

#include <gtest/gtest.h>

#include "core/identity/rate_limit.h"
#include "core/identity/users.h"
#include "lib/base/error.h"

namespace agnes::identity {
namespace {

TEST(Passwords, OfExistingDeploymentsAreTaken) {
  Passwords passwords;
  const std::string admin =
      "$argon2id$v=19$m=65536,t=3,p=4$Scl9U2G9VRdD9OGIqKoR1A$kDFTJjU8wcFbffGIpaA+D3nH+Ax8IhYJbYg1LdOBzvc";
  EXPECT_TRUE(passwords.verify(admin, "golden-admin-1"));
  EXPECT_FALSE(passwords.verify(admin, "golden-admin-2"));
  EXPECT_FALSE(passwords.verify(admin, ""));
  EXPECT_FALSE(passwords.verify(admin, std::string("golden-admin-1\0", 15)));
}

TEST(Passwords, HaveTheContractsForm) {
  Passwords passwords;
  const auto encoded = passwords.hash("pässword \xf0\x9f\x98\x80");
  EXPECT_TRUE(encoded.starts_with("$argon2id$v=19$m=65536,t=3,p=4$"));
  EXPECT_EQ(encoded.size(), 31u + 22 + 1 + 43);
  EXPECT_TRUE(passwords.verify(encoded, "pässword \xf0\x9f\x98\x80"));
  EXPECT_FALSE(passwords.verify(encoded, "password \xf0\x9f\x98\x80"));
  EXPECT_NE(passwords.hash("x"), passwords.hash("x")) << "each has its own salt";
}

TEST(Passwords, NobodyHasNone) {
  Passwords passwords;
  EXPECT_FALSE(passwords.verify(std::nullopt, ""));
  EXPECT_FALSE(passwords.verify(std::nullopt, "anything"));
  for (const char* broken : {"", "plain", "$argon2id$v=19$m=65536,t=3,p=4$$", "$2b$12$abcdefghijklmnopqrstuv",
                             "$argon2id$v=19$m=4294967295,t=3,p=4$c29tZXNhbHQ$aGFzaGhhc2g",
                             "$argon2id$v=19$m=65536,t=0,p=4$c29tZXNhbHQ$aGFzaGhhc2g",
                             "$argon2id$v=19$m=x,t=3,p=4$c29tZXNhbHQ$aGFzaGhhc2g"})
    EXPECT_FALSE(passwords.verify(std::string(broken), "")) << broken;
}

TEST(Passwords, OfManyAtOnceEachGetsItsOwnAnswer) {
  Passwords passwords;
  const auto encoded = passwords.hash("the right one");
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i)
    threads.emplace_back(
        [&, i] { right += passwords.verify(encoded, i % 2 == 0 ? "the right one" : "another"); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 6);
}

TEST(Passwords, WhatCannotBeComputedIsTold) {
  Passwords passwords;
  // More lanes than memory for them.
  EXPECT_THROW(passwords.verify("$argon2id$v=19$m=8,t=1,p=64$c29tZXNhbHQ$aGFzaGhhc2g", "x"), Error);
  EXPECT_FALSE(passwords.verify(std::nullopt, "x")) << "and the next in turn is served";
}

TEST(RateLimiter, GivesACountAndFillsUpAgain) {
  RateLimiter limiter;
  const Rate rate{10, 60};
  Timestamp moment{1'000'000'000};
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(limiter.take("a", rate, moment));
  EXPECT_EQ(limiter.take("a", rate, moment), 6);
  EXPECT_EQ(limiter.peek("a", rate, moment), 6);
  EXPECT_FALSE(limiter.take("b", rate, moment)) << "another key";
  EXPECT_EQ(limiter.take("a", rate, plus_seconds(moment, 5)), 1);
  EXPECT_FALSE(limiter.take("a", rate, plus_seconds(moment, 6)));
  EXPECT_TRUE(limiter.take("a", rate, plus_seconds(moment, 6)));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(limiter.take("a", rate, plus_seconds(moment, 600)));
  EXPECT_TRUE(limiter.take("a", rate, plus_seconds(moment, 600)));
  EXPECT_TRUE(limiter.take("a", rate, plus_seconds(moment, 500))) << "a clock set back gives nothing";
  limiter.clear("a");
  EXPECT_FALSE(limiter.peek("a", rate, moment));
}

// A flood of one purpose forgets neither what another counted nor who has used up most.
TEST(RateLimiter, ForgetsWhoHasUsedUpLeast) {
  RateLimiter limiter;
  constexpr Rate kRate{3, 600};
  const Timestamp moment{};
  for (const char* key : {"account ann@example.com", "mail 10.0.0.1"})
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.take(key, kRate, moment));
  for (int i = 0; i < 60'000; ++i) limiter.take(fmt::format("mail {}", i), kRate, moment);
  for (const char* key : {"account ann@example.com", "mail 10.0.0.1"})
    EXPECT_TRUE(limiter.take(key, kRate, moment)) << key;
}

TEST(RateLimiter, KeepsItsMemoryBounded) {
  RateLimiter limiter;
  for (int i = 0; i < 100'000; ++i) limiter.take(std::to_string(i), {1, 60}, Timestamp{1});
  SUCCEED();
}

TEST(Emails, OnlyAddressesAreTaken) {
  for (const char* good : {"a@b", "dev@localhost", "New.Person@Example.com", "x+y_z-1@sub.example.co",
                           "o'brien@example.com", "scheduler@system.local"})
    EXPECT_EQ(problem_with_email(good), "") << good;
  const std::string long_local(65, 'a'), long_domain(250, 'a');
  for (const std::string& bad : {std::string(""),
                                 std::string("a"),
                                 std::string("@b"),
                                 std::string("a@"),
                                 std::string("a@b@c"),
                                 std::string("not an address"),
                                 std::string("a b@c.d"),
                                 std::string("a@b c"),
                                 std::string("a@-b.c"),
                                 std::string("a@b..c"),
                                 std::string("a@b."),
                                 std::string(".a@b"),
                                 std::string("a..b@c"),
                                 std::string("a@b\n"),
                                 std::string("a\r\nBcc: x@y@z"),
                                 std::string("a\0@b", 4),
                                 std::string("<a@b>"),
                                 std::string("a@b>"),
                                 std::string("\xd0\xb0@example.com"),
                                 std::string("a@ex\xc3\xa4mple.com"),
                                 long_local + "@b",
                                 "a@" + long_domain})
    EXPECT_NE(problem_with_email(bad), "") << bad;
}

}  // namespace
}  // namespace agnes::identity
