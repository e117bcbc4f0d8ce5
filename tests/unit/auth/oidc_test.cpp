#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "core/auth/oidc_attempt.h"
#include "core/auth/oidc_provider.h"
#include "lib/base/hash.h"
#include "lib/jose/oidc_token.h"

namespace agnes::jose {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

struct Pair {
  std::shared_ptr<EVP_PKEY> key;
  std::string modulus, exponent;
};

Pair make_pair(unsigned bits) {
  Pair pair;
  pair.key = {EVP_RSA_gen(bits), EVP_PKEY_free};
  for (const auto& [name, out] :
       {std::pair{OSSL_PKEY_PARAM_RSA_N, &pair.modulus}, std::pair{OSSL_PKEY_PARAM_RSA_E, &pair.exponent}}) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(pair.key.get(), name, &number);
    out->resize(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(out->data()));
    BN_free(number);
  }
  return pair;
}

const Pair& usual_pair() {
  static const Pair pair = make_pair(2048);
  return pair;
}

std::string sign(std::string_view text, const EVP_MD* digest = EVP_sha256()) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, usual_pair().key.get());
  EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
  std::string out(size, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes, text.size());
  out.resize(size);
  return out;
}

const std::string kHeader = R"({"alg":"RS256","kid":"k1"})";
const std::string kClaims =
    R"({"iss":"https://id.example","aud":"us","sub":"7","email":"a@example.com","email_verified":true,)"
    R"("hd":"example.com","nonce":"n","iat":1799999990,"exp":1800000100})";

std::string token_of(std::string_view header, std::string_view claims, const EVP_MD* digest = EVP_sha256()) {
  const auto text = base64url(header) + "." + base64url(claims);
  return text + "." + base64url(sign(text, digest));
}
std::string with(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}
Keys usual_keys() {
  return {*Key::from_numbers("k1", usual_pair().modulus, usual_pair().exponent)};
}
ExpectedClaims usual() {
  return {{"https://id.example"}, "us", "n", kNow};
}

TEST(IdTokens, AGoodOneIsRead) {
  const auto token = verify(token_of(kHeader, kClaims), usual_keys(), usual());
  EXPECT_EQ(token.subject, "7");
  EXPECT_EQ(token.email, "a@example.com");
  EXPECT_EQ(token.hosted_domain, "example.com");
  EXPECT_TRUE(token.email_verified);
  // Several audiences, when it says that it was made for us.
  EXPECT_NO_THROW(verify(token_of(kHeader, with(kClaims, R"("aud":"us")", R"("aud":["x","us"],"azp":"us")")),
                         usual_keys(), usual()));
}

TEST(IdTokens, AnyOtherIsRefused) {
  const struct {
    const char *from, *to;
  } changes[] = {
      {R"("aud":"us")", R"("aud":"them")"},
      {R"("aud":"us")", R"("aud":["us","them"])"},
      {R"("aud":"us")", R"("aud":[])"},
      {R"("aud":"us")", R"("aud":{"us":1})"},
      {R"("aud":"us")", R"("aud":"us","azp":"them")"},
      {R"("aud":"us")", R"("aud":"us","azp":null)"},
      {"https://id.example", "https://id.example/"},
      {"https://id.example", "http://id.example"},
      {R"("nonce":"n")", R"("nonce":"")"},
      {R"("nonce":"n")", R"("nonce":null)"},
      {R"("nonce":"n")", R"("nonce":"N")"},
      {R"("exp":1800000100)", R"("exp":1799999900)"},
      {R"("exp":1800000100)", R"("exp":"1800000100")"},
      {R"("exp":1800000100)", R"("exp":1e300)"},
      {R"("iat":1799999990)", R"("iat":1800000100)"},
      {R"("iat":1799999990)", R"("iat":1700000000)"},
      {R"("iat":1799999990)", R"("iat":-1)"},
      {R"("iat":1799999990)", R"("nbf":1900000000,"iat":1799999990)"},
      {R"("sub":"7")", R"("sub":7)"},
  };
  for (const auto& [from, to] : changes)
    EXPECT_THROW(verify(token_of(kHeader, with(kClaims, from, to)), usual_keys(), usual()), Refused) << to;
  for (const auto* header :
       {R"({"alg":"none","kid":"k1"})", R"({"alg":"HS256","kid":"k1"})", R"({"alg":"rs256","kid":"k1"})",
        R"({"alg":"PS256","kid":"k1"})", R"({"alg":"RS256"})", R"({"alg":"RS256","kid":"k2"})",
        R"({"alg":["RS256"],"kid":"k1"})", R"({"alg":"RS256","kid":"k1","crit":[]})", "[]", ""})
    EXPECT_THROW(verify(token_of(header, kClaims), usual_keys(), usual()), Refused) << header;
  EXPECT_THROW(verify(token_of(kHeader, kClaims, EVP_sha512()), usual_keys(), usual()), Refused);
  EXPECT_THROW(verify(token_of(kHeader, "[1]"), usual_keys(), usual()), Refused);
  EXPECT_THROW(verify(token_of(kHeader, std::string(9000, '[')), usual_keys(), usual()), Refused);
  EXPECT_THROW(verify(token_of(kHeader, kClaims), {}, usual()), Refused);
  for (const auto* text : {"", ".", "..", "...", "a.b", "a.b.c.d", "\xff.\xff.\xff"})
    EXPECT_THROW(verify(text, usual_keys(), usual()), Refused) << text;
}

TEST(IdTokens, AnyChangedCharacterIsRefused) {
  const auto token = token_of(kHeader, kClaims);
  const auto before_last = token.size() - 1;  // the last letter has spare bits
  for (std::size_t i = 0; i < before_last; ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_THROW(verify(changed, usual_keys(), usual()), Refused) << i;
  }
}

TEST(IdTokens, ClocksMayDifferByAMinute) {
  auto expected = usual();
  expected.now = 1'800'000'100 + 59;
  EXPECT_NO_THROW(verify(token_of(kHeader, kClaims), usual_keys(), expected));
  expected.now += 1;
  EXPECT_THROW(verify(token_of(kHeader, kClaims), usual_keys(), expected), Refused);
  expected.now = 1'799'999'990 - 60;
  EXPECT_NO_THROW(verify(token_of(kHeader, kClaims), usual_keys(), expected));
  expected.now -= 1;
  EXPECT_THROW(verify(token_of(kHeader, kClaims), usual_keys(), expected), Refused);
}

TEST(KeySets, OnlyKeysForThisAreTaken) {
  const auto n = base64url(usual_pair().modulus), e = base64url(usual_pair().exponent);
  const auto key = [&](std::string_view rest) {
    return R"({"n":")" + n + R"(","e":")" + e + "\"," + std::string(rest) + "}";
  };
  const auto count = [](const std::string& keys) { return parse_keys(R"({"keys":[)" + keys + "]}").size(); };
  EXPECT_EQ(count(key(R"("kty":"RSA","kid":"a","alg":"RS256","use":"sig")") + "," +
                  key(R"("kty":"RSA","kid":"b")")),
            2u);
  for (const auto* rest :
       {R"("kty":"EC","kid":"a")", R"("kty":"RSA")", R"("kty":"RSA","kid":"a","use":"enc")",
        R"("kty":"RSA","kid":"a","alg":"RS512")", R"("kty":"oct","kid":"a","k":"AA")"})
    EXPECT_EQ(count(key(rest)), 0u) << rest;
  EXPECT_EQ(count("5, null, {}"), 0u);
  for (const auto* text : {"", "[]", "{}", R"({"keys":5})"}) EXPECT_THROW(parse_keys(text), Error) << text;
}

TEST(KeySets, WeakNumbersAreNoKey) {
  const auto& usual = usual_pair();
  EXPECT_TRUE(Key::from_numbers("a", usual.modulus, usual.exponent));
  const auto small = make_pair(1024);
  EXPECT_FALSE(Key::from_numbers("a", small.modulus, small.exponent));
  auto even = usual.modulus;
  even.back() = static_cast<char>(even.back() & ~1);
  EXPECT_FALSE(Key::from_numbers("a", even, usual.exponent));
  EXPECT_FALSE(Key::from_numbers("a", usual.modulus, "\x01"));
  EXPECT_FALSE(Key::from_numbers("a", usual.modulus, "\x02"));
  EXPECT_FALSE(Key::from_numbers("a", usual.modulus, ""));
  EXPECT_FALSE(Key::from_numbers("a", "", usual.exponent));
  EXPECT_FALSE(Key::from_numbers("a", std::string(5000, '\xff'), usual.exponent));
}

TEST(Attempts, ComeBackOnceAndWhole) {
  auth::oidc::Attempts attempts("secret", "google");
  const auto attempt = attempts.begin("/catalog?x=1", kNow);
  const auto sealed = attempts.seal(attempt);
  const auto opened = attempts.open(sealed, kNow);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->state, attempt.state);
  EXPECT_EQ(opened->next, "/catalog?x=1");
  EXPECT_EQ(attempts.nonce(*opened), attempts.nonce(attempt));
  EXPECT_EQ(attempts.verifier(attempt).size(), 43u);
  EXPECT_EQ(attempts.challenge(attempt), base64url(sha256(attempts.verifier(attempt))));
  EXPECT_EQ(sealed.find(attempts.verifier(attempt)), std::string::npos);
  EXPECT_FALSE(attempts.open(sealed, kNow + auth::oidc::Attempts::kLifetime));
  EXPECT_FALSE(auth::oidc::Attempts("secret", "other").open(sealed, kNow));
  EXPECT_FALSE(auth::oidc::Attempts("another", "google").open(sealed, kNow));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(attempts.open(changed, kNow)) << i;
  }
  for (const auto* text : {"", ".", "...", "a.b.c.d"}) EXPECT_FALSE(attempts.open(text, kNow));

  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) threads.emplace_back([&] { won += attempts.use(*opened, kNow) ? 1 : 0; });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
}

TEST(Providers, AreAskedOverASafeLineOnly) {
  for (const auto* issuer : {"https://accounts.google.com", "http://127.0.0.1:8080", "http://localhost"})
    EXPECT_NO_THROW(auth::oidc::Provider{issuer}) << issuer;
  for (const auto* issuer :
       {"http://id.example", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
        "ftp://id.example", "id.example", "", "http://127.0.0.1@evil.example"})
    EXPECT_THROW(auth::oidc::Provider{issuer}, Error) << issuer;
}

}  // namespace
}  // namespace agnes::jose
