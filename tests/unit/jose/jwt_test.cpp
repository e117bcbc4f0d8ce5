#include "lib/jose/jwt.h"

#include <gtest/gtest.h>

#include "lib/base/hash.h"

namespace agnes::jose {
namespace {

constexpr std::string_view kSecret = "a-secret-of-more-than-thirty-two-characters";
constexpr std::int64_t kNow = 1'800'000'000;

std::string forge(std::string_view header, std::string_view payload, std::string_view secret = kSecret) {
  std::string token = base64url(header) + "." + base64url(payload);
  return token + "." + base64url(hmac_sha256(secret, token));
}

const std::string kHeader = R"({"alg":"HS256","typ":"JWT"})";
const std::string kPayload =
    R"({"sub":"u1","email":"a@example.com","typ":"session","iat":1799999990,"jti":"j1","exp":1800000100})";

TEST(Jwt, ComesBackAsItWent) {
  const Claims claims{"u1", "a@example.com", "pat", kNow, "j1", kNow + 60, "general"};
  const auto read = verify_jwt(sign_jwt(claims, kSecret), kSecret, kNow);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sub, "u1");
  EXPECT_EQ(read->email, "a@example.com");
  EXPECT_EQ(read->typ, "pat");
  EXPECT_EQ(read->iat, kNow);
  EXPECT_EQ(read->jti, "j1");
  EXPECT_EQ(read->exp, kNow + 60);
  EXPECT_EQ(read->scope, "general");
  const Claims forever{"u1", "", "pat", kNow, "j1", std::nullopt, std::nullopt};
  EXPECT_EQ(verify_jwt(sign_jwt(forever, kSecret), kSecret, kNow + 1'000'000'000)->exp, std::nullopt);
}

// Made by the Python server with this secret.
TEST(Jwt, ReadsAndWritesTokensOfExistingDeployments) {
  constexpr std::string_view secret = "test-secret-key-minimum-32-characters!!";
  const std::string token =
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
      "eyJzdWIiOiJhZG1pbjEiLCJlbWFpbCI6ImFkbWluQGV4YW1wbGUuY29tIiwidHlwIjoicGF0Iiwi"
      "aWF0IjoxNzk1NDAzMDQ3LCJqdGkiOiI5Y2U4OGYyZS1lZDJhLTRhOTUtYTMwZS1mZmQ4MDFkZDA4M2MiLCJleHAiOjIxMTA3NjMwND"
      "csInNjb3Bl"
      "IjoiZ2VuZXJhbCJ9.OEZ25hP7HLHBt5N0d66Uy6JJ2YQ--j0oULoyEJ-O6PA";
  const auto claims = verify_jwt(token, secret, kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->sub, "admin1");
  EXPECT_EQ(sign_jwt(*claims, secret), token);
}

TEST(Jwt, TakesOtherSpellingsOfTheSame) {
  EXPECT_TRUE(verify_jwt(forge(R"({"typ": "JWT", "alg": "HS256"})", kPayload), kSecret, kNow));
  EXPECT_TRUE(verify_jwt(forge(R"({"alg":"HS256"})", kPayload), kSecret, kNow));
  EXPECT_TRUE(
      verify_jwt(forge(kHeader, R"({"sub":"u1","iat":1799999990.75,"exp":1800000100.5})"), kSecret, kNow));
}

struct Attack {
  std::string name, token;
};

TEST(Jwt, RefusesEveryAttack) {
  const std::string good = forge(kHeader, kPayload);
  ASSERT_TRUE(verify_jwt(good, kSecret, kNow));
  const auto unsigned_part = good.substr(0, good.rfind('.'));
  const auto with_payload = [](const char* payload) { return forge(kHeader, payload); };
  const auto with_header = [](const char* header) { return forge(header, kPayload); };
  std::string other_spelling = good;  // the last letter carries four bits, of which two are spare
  other_spelling.back() = static_cast<char>(other_spelling.back() + 1);
  const Attack attacks[] = {
      {"nothing", ""},
      {"dots only", ".."},
      {"one part", "abc"},
      {"no signature", unsigned_part},
      {"empty signature", unsigned_part + "."},
      {"four parts", good + ".x"},
      {"a part in front", "x." + good},
      {"half", good.substr(0, good.size() / 2)},
      {"one character short", good.substr(0, good.size() - 1)},
      {"padding", good + "="},
      {"a space", good + " "},
      {"a line break", good + "\n"},
      {"another spelling of the signature", other_spelling},
      {"another key", forge(kHeader, kPayload, "another-secret-of-more-than-thirty-two-chars")},
      {"no key", forge(kHeader, kPayload, "")},
      {"tampered payload", base64url(kHeader) + "." + base64url(R"({"sub":"admin","exp":1800000100})") +
                               good.substr(good.rfind('.'))},
      {"tampered header", base64url(R"({"alg":"HS256"})") + good.substr(good.find('.'))},
      {"alg none, unsigned", base64url(R"({"alg":"none"})") + "." + base64url(kPayload) + "."},
      {"alg none, signed", with_header(R"({"alg":"none"})")},
      {"alg None", with_header(R"({"alg":"None"})")},
      {"alg hs256", with_header(R"({"alg":"hs256"})")},
      {"alg HS512", with_header(R"({"alg":"HS512"})")},
      {"alg RS256", with_header(R"({"alg":"RS256"})")},
      {"alg missing", with_header(R"({"typ":"JWT"})")},
      {"alg a number", with_header(R"({"alg":256})")},
      {"alg a list", with_header(R"({"alg":["HS256"]})")},
      {"critical extension", with_header(R"({"alg":"HS256","crit":["exp"]})")},
      {"unencoded payload", with_header(R"({"alg":"HS256","b64":false})")},
      {"header no object", with_header(R"(["HS256"])")},
      {"header no JSON", with_header("HS256")},
      {"payload no JSON", with_payload("u1")},
      {"payload a list", with_payload(R"(["u1"])")},
      {"payload too deep", with_payload(R"({"sub":"u1","x":[[[[[[[[1]]]]]]]]})")},
      {"no subject", with_payload(R"({"exp":1800000100})")},
      {"empty subject", with_payload(R"({"sub":"","exp":1800000100})")},
      {"subject a number", with_payload(R"({"sub":1,"exp":1800000100})")},
      {"subject a list", with_payload(R"({"sub":["u1"],"exp":1800000100})")},
      {"expired", with_payload(R"({"sub":"u1","exp":1799999999})")},
      {"expires now", with_payload(R"({"sub":"u1","exp":1800000000})")},
      {"expired long ago", with_payload(R"({"sub":"u1","exp":0})")},
      {"negative expiry", with_payload(R"({"sub":"u1","exp":-1})")},
      {"expiry a text", with_payload(R"({"sub":"u1","exp":"1800000100"})")},
      {"expiry null", with_payload(R"({"sub":"u1","exp":null})")},
      {"expiry beyond numbers", with_payload(R"({"sub":"u1","exp":1e300})")},
      {"from the future", with_payload(R"({"sub":"u1","iat":1800000060,"exp":1800000100})")},
      {"issued at a text", with_payload(R"({"sub":"u1","iat":"now","exp":1800000100})")},
      {"not yet", with_payload(R"({"sub":"u1","nbf":1800000060,"exp":1800000100})")},
      {"bad UTF-8", with_payload("{\"sub\":\"\xff\xfe\",\"exp\":1800000100}")},
      {"too long", forge(kHeader, R"({"sub":"u1","x":")" + std::string(10'000, 'x') + R"("})")},
  };
  for (const auto& attack : attacks) EXPECT_FALSE(verify_jwt(attack.token, kSecret, kNow)) << attack.name;
}

}  // namespace
}  // namespace agnes::jose
