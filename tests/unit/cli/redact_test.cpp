#include "cli/redact.h"

#include <gtest/gtest.h>

namespace agnes::cli {
namespace {

const std::string kLong = "abcdefghij0123456789ABCDEFGHIJ0123456789";  // nobody's

TEST(Redact, HidesWhatLooksLikeASecret) {
  const std::string jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlX29mX2l0";
  struct {
    std::string text, without;
  } const cases[] = {
      {"AGNES_TOKEN=" + jwt, "AGNES_TOKEN=[redacted]"},
      {"see " + jwt + ", and go on", "see [redacted], and go on"},
      {R"({"a":"line\n)" + jwt + R"(\nnext"})", R"({"a":"line\n[redacted]\nnext"})"},
      {R"({"a":"{\"b\":\"x\\n)" + jwt + R"(\"}"})", R"({"a":"{\"b\":\"x\\n[redacted]\"}"})"},
      {R"({"a":"k\u003dghp_)" + kLong + R"("})", R"({"a":"k\u003d[redacted]"})"},
      {"ghp_" + kLong, "[redacted]"},
      {"(glpat-" + kLong + ")", "([redacted])"},
      {"xoxb-1234567890-abc", "[redacted]"},
      {"AKIA" + std::string("ABCDEFGHIJKLMNOP"), "[redacted]"},
      {"sk-" + kLong + " sk-short", "[redacted] sk-short"},
      {"123-45678-" + kLong, "[redacted]"},
      {"curl -H 'Authorization: Bearer 0123456789abcdef0123' x",
       "curl -H 'Authorization: Bearer [redacted]' x"},
      {"Bearer " + jwt, "Bearer [redacted]"},
      {R"(\u001b[32mghp_)" + kLong + R"(\u001b[0m)", R"(\u001b[32m[redacted]\u001b[0m)"},
      {R"(\\x1b[1msk-)" + kLong, R"(\\x1b[1m[redacted])"},
      {"a%3Dghp_" + kLong + " token%3Dsk-" + kLong, "a%3D[redacted] token%3D[redacted]"},
      {"x_ghp_" + kLong + " -pghp_" + kLong + " AGNES_sk-" + kLong,
       "x_[redacted] -p[redacted] AGNES_[redacted]"},
      {"%22" + jwt + "%22", "%22[redacted]%22"},
      {"Authorization: Basic YW5hOmNvcnJlY3QgaG9yc2U=", "Authorization: Basic [redacted]"},
      {R"("api_key": "s3cr3t-value")", R"("api_key": "[redacted]")"},
      {R"(\"db_password\": \"s3cr3t-value\",)", R"(\"db_password\": \"[redacted]\",)"},
      {"PASSWORD=hunter2hunter2; ls", "PASSWORD=[redacted]; ls"},
      {"KBC_STORAGE_TOKEN: abc/def+ghi=", "KBC_STORAGE_TOKEN: [redacted]"},
      {"postgres://ana:pa55word@db.example.com/x", "postgres://ana:[redacted]@db.example.com/x"},
      {"-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----\\nrest", "[redacted]\\nrest"},
      {"a\n-----BEGIN PRIVATE KEY-----\nMIIE\nAAA\n-----END PRIVATE KEY-----\nrest", "a\n[redacted]\nrest"},
      {"-----BEGIN PRIVATE KEY-----\\nMIIE and no end\nnext", "[redacted]\nnext"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(without_secrets(c.text), c.without);
    EXPECT_EQ(without_secrets(c.without), c.without) << "once more";
  }
}

TEST(Redact, LeavesTheRest) {
  for (const char* text : {"",
                           "SELECT count(*) FROM orders WHERE token = 5",
                           "max_tokens: 4096000000",
                           "input_tokens\":12345678,",
                           "password: $PASSWORD_OF_DB",
                           "token=12345678901234567890",
                           "the token is short",
                           "a password: none",
                           "https://example.com:8443/a@b",
                           "eyJ.eyJ",
                           "eyJhbGci",
                           "2024-01-01-some-text",
                           "-----BEGIN CERTIFICATE-----",
                           "C:\\new\\table\\users",
                           "the bearer of this",
                           "task-force-of-many-people-in-a-long-word",
                           "\\",
                           "\\u00",
                           "://",
                           "a://b:@c",
                           "\xF0\x9F\x94\x92 \xC3\xA9"})
    EXPECT_EQ(without_secrets(text), text);
}

TEST(Redact, HidesWhatIsKnownToBeOne) {
  EXPECT_EQ(without_secrets("x=plain-words-1 y", {"plain-words-1"}), "x=[redacted] y");
  EXPECT_EQ(without_secrets("x=short", {"short", ""}), "x=short");
}

TEST(Redact, IsLinear) {
  for (const char* part : {"token=%", "token=$", "password=a", "eyJ", "ghp_", "ghp_a-", "sk-", "[1;", "1-2-",
                           "://a:", "bearer ", "\\u"}) {
    std::string all;
    while (all.size() < 2u << 20) all += part;
    EXPECT_LE(without_secrets(all).size(), all.size() * 2) << part;
    EXPECT_LE(without_secrets(all + ".x").size(), all.size() * 2) << part;
  }
  std::string text;
  while (text.size() < 4u << 20)
    text +=
        "-----BEGIN PRIVATE KEY-----eyJeyJeyJ.eyJeyJ.123-456-password=token=://a:b:bearer bearer \\\\\\u\n";
  EXPECT_LT(without_secrets(text).size(), text.size());
}

}  // namespace
}  // namespace agnes::cli
