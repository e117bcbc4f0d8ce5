#include "lib/google/credentials.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "http_client/tiny_server.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/jose/signing_key.h"

namespace agnes::google {
namespace {

namespace js = boost::json;
using http_client::TinyServer;

constexpr const char* kEmail = "agnes@project.iam.gserviceaccount.com";

std::string pem_of(EVP_PKEY* key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::shared_ptr<EVP_PKEY> key_of(unsigned bits) {
  return {EVP_RSA_gen(bits), EVP_PKEY_free};
}
const std::shared_ptr<EVP_PKEY>& usual_key() {
  static const auto key = key_of(2048);
  return key;
}

bool is_signed_by_us(const std::string& text, const std::string& signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, usual_key().get());
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

// The claims of an assertion that our key has signed.
js::object claims_of(const std::string& assertion) {
  const auto parts = split(assertion, '.');
  EXPECT_EQ(parts.size(), 3u);
  EXPECT_TRUE(is_signed_by_us(parts[0] + "." + parts[1], *from_base64url(parts[2])));
  const auto header = js::parse(*from_base64url(parts[0])).as_object();
  EXPECT_EQ(header.at("alg"), "RS256");
  EXPECT_EQ(header.at("kid"), "key-1");
  return js::parse(*from_base64url(parts[1])).as_object();
}

std::string text_at(const js::object& object, const char* key) {
  return std::string(object.at(key).as_string());
}

std::string field(const std::string& form, const std::string& name) {
  for (const auto& part : split(form, '&'))
    if (part.starts_with(name + "=")) return part.substr(name.size() + 1);
  return "";
}

std::string token_answer(const std::string& token, int life = 3600) {
  return TinyServer::answer(
      200,
      js::serialize(js::object{{"access_token", token}, {"expires_in", life}, {"token_type", "Bearer"}}));
}

class CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"}) ::unsetenv(name);
    ::setenv("CLOUDSDK_CONFIG", folder_.path().c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "CLOUDSDK_CONFIG"})
      ::unsetenv(name);
  }

  fs::path file(const js::object& content) {
    const auto path = folder_.path() / "credentials.json";
    replace_file(path, js::serialize(content));
    return path;
  }
  js::object key_content(const std::string& token_uri) {
    return {{"type", "service_account"}, {"client_email", kEmail}, {"private_key", pem_of(usual_key().get())},
            {"private_key_id", "key-1"}, {"token_uri", token_uri}, {"universe_domain", "googleapis.com"}};
  }
  std::string why_not(const js::object& content) {
    try {
      file_credentials(file(content));
    } catch (const NoCredentials& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_{fs::temp_directory_path()};
};

TEST_F(CredentialsTest, AKeyFileSignsAndTheTokenIsKeptUntilItEnds) {
  int count = 0;
  TinyServer google([&](const TinyServer::Seen&) {
    ++count;
    return token_answer(fmt::format("t{}", count), count == 2 ? 60 : 3600);
  });
  const auto credentials = file_credentials(file(key_content(google.url() + "/token")));
  EXPECT_EQ(credentials->account(), kEmail);
  EXPECT_EQ(credentials->token("a b"), "t1");
  EXPECT_EQ(credentials->token("a b"), "t1");
  EXPECT_EQ(credentials->token("c"), "t2") << "other scopes, another token";
  EXPECT_EQ(credentials->token("c"), "t3") << "a token that ends within a minute is not handed out again";
  credentials->forget("of somebody else");
  EXPECT_EQ(credentials->token("a b"), "t1");
  credentials->forget("t1");
  EXPECT_EQ(credentials->token("a b"), "t4");

  const auto seen = google.seen().at(0);
  EXPECT_EQ(seen.method + " " + seen.target, "POST /token");
  EXPECT_EQ(field(seen.body, "grant_type"), "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
  const auto claims = claims_of(field(seen.body, "assertion"));
  EXPECT_EQ(text_at(claims, "iss"), kEmail);
  EXPECT_EQ(claims.at("scope"), "a b");
  EXPECT_EQ(text_at(claims, "aud"), google.url() + "/token");
  EXPECT_EQ(claims.at("exp").to_number<std::int64_t>() - claims.at("iat").to_number<std::int64_t>(), 3600);
  EXPECT_FALSE(claims.contains("sub"));
}

TEST_F(CredentialsTest, ManyCallersAtOnceMakeOneRequest) {
  std::atomic<int> count = 0;
  TinyServer google([&](const TinyServer::Seen&) { return token_answer(fmt::format("t{}", ++count)); });
  const auto credentials = file_credentials(file(key_content(google.url() + "/token")));
  std::vector<std::thread> callers;
  for (int i = 0; i < 16; ++i) callers.emplace_back([&] { EXPECT_EQ(credentials->token("s"), "t1"); });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(count, 1);
}

TEST_F(CredentialsTest, DelegationNamesTheUserAndSignsWithOurKeyOrByIam) {
  TinyServer google([&](const TinyServer::Seen& seen) {
    if (!seen.target.ends_with(":signJwt"))
      return token_answer(seen.body.find("assertion=by-iam") != std::string::npos ? "delegated" : "own");
    return TinyServer::answer(200, R"({"keyId":"k","signedJwt":"by-iam"})");
  });
  const Services services{.token_url = google.url() + "/token", .iam = google.url()};
  const CredentialsPtr key = file_credentials(file(key_content(google.url() + "/token")), services);

  EXPECT_EQ(delegated_credentials(key, "boss@example.com", "", services)->token("s"), "own");
  EXPECT_EQ(claims_of(field(google.seen().at(0).body, "assertion")).at("sub"), "boss@example.com");

  const auto other = delegated_credentials(key, "boss@example.com", "other@example.com", services);
  EXPECT_EQ(other->account(), "other@example.com");
  EXPECT_EQ(other->token("s"), "delegated");
  const auto seen = google.seen().at(2);
  EXPECT_EQ(seen.target, "/v1/projects/-/serviceAccounts/other%40example.com:signJwt");
  EXPECT_EQ(seen.header("authorization"), "Bearer own");
  const auto claims = js::parse(std::string(js::parse(seen.body).at("payload").as_string())).as_object();
  EXPECT_EQ(claims.at("iss"), "other@example.com");
  EXPECT_EQ(claims.at("sub"), "boss@example.com");
  EXPECT_EQ(claims.at("scope"), "s");
}

TEST_F(CredentialsTest, TheMachinesAccountComesFromTheMetadataServer) {
  const std::string flavor = "Metadata-Flavor: Google\r\n";
  bool has_account = true;
  TinyServer metadata([&](const TinyServer::Seen& seen) {
    if (seen.header("metadata-flavor") != "Google") return TinyServer::answer(403, "", flavor);
    if (!has_account) return TinyServer::answer(404, "", flavor);
    if (seen.target.ends_with("/email")) return TinyServer::answer(200, std::string(kEmail) + "\n", flavor);
    return TinyServer::answer(200, R"({"access_token":"m","expires_in":3000,"token_type":"Bearer"})", flavor);
  });
  ::setenv("GCE_METADATA_HOST", metadata.url().substr(7).c_str(), 1);
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);  // not for this
  const auto machine = default_credentials();
  EXPECT_EQ(machine->account(), kEmail);
  EXPECT_EQ(machine->token("a b"), "m");
  EXPECT_EQ(metadata.seen().at(1).target,
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes=a%2Cb");
  has_account = false;
  EXPECT_THROW(machine->token("c"), NoCredentials);
  ::unsetenv("http_proxy");
}

TEST_F(CredentialsTest, WhatAnswersInPlaceOfTheMetadataServerIsNotBelieved) {
  TinyServer portal([](const TinyServer::Seen&) { return token_answer("from a portal"); });
  ::setenv("GCE_METADATA_HOST", portal.url().substr(7).c_str(), 1);
  EXPECT_THROW(machine_credentials()->token("s"), NoCredentials);
  ::setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
  try {
    machine_credentials()->token("s");
    FAIL();
  } catch (const NoCredentials& error) {
    EXPECT_NE(std::string(error.what()).find("GOOGLE_APPLICATION_CREDENTIALS"), std::string::npos);
  }
}

TEST_F(CredentialsTest, GcloudsFileIsAPersons) {
  TinyServer google([](const TinyServer::Seen&) { return token_answer("p"); });
  replace_file(
      folder_.path() / "application_default_credentials.json",
      R"({"type":"authorized_user","client_id":"id","client_secret":"s","refresh_token":"r","account":""})");
  const auto person = default_credentials({.token_url = google.url() + "/token"});
  EXPECT_EQ(person->token("s"), "p");
  EXPECT_EQ(google.seen().at(0).body,
            "grant_type=refresh_token&client_id=id&client_secret=s&refresh_token=r");
  EXPECT_THROW(person->account(), NoCredentials);

  const auto key = file(key_content("https://token.example"));
  ::setenv("GOOGLE_APPLICATION_CREDENTIALS", key.c_str(), 1);
  EXPECT_EQ(default_credentials()->account(), kEmail) << "the variable goes before gcloud's file";
  ::setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file", 1);
  EXPECT_THROW(default_credentials(), NoCredentials);
}

TEST_F(CredentialsTest, AnUnusableFileIsNamedButNotShown) {
  const auto with = [&](const char* key, const std::string& value) {
    auto content = key_content("https://token.example");
    content[key] = value;
    return content;
  };
  std::map<std::string, js::object> bad{
      {"not a JSON file", js::object{{"type", js::array{"hidden"}}}},
      {"type is ''", js::object{}},
      {"type is 'external_account\\n'", with("type", "external_account\n")},
      {"client_email", with("client_email", "")},
      {"token_uri", with("token_uri", "http://token.example/hidden")},
      {"token_uri is", with("token_uri", "http://localhost@token.example/hidden")},
      {"RSA key", with("private_key", "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----\n")},
      {"2048", with("private_key", pem_of(key_of(1024).get()))},
      {"2048 bits",
       with("private_key", pem_of(std::shared_ptr<EVP_PKEY>(EVP_EC_gen("P-256"), EVP_PKEY_free).get()))},
      {"refresh_token",
       js::object{{"type", "authorized_user"}, {"client_id", "i"}, {"client_secret", "hidden"}}},
  };
  for (const auto& [said, content] : bad) {
    const auto why = why_not(content);
    EXPECT_NE(why.find(said), std::string::npos) << said << ": " << why;
    EXPECT_NE(why.find("credentials.json"), std::string::npos) << why;
    EXPECT_EQ(why.find("hidden"), why.npos) << why;
  }
}

TEST_F(CredentialsTest, FaultsOfGoogleAreToldAndTriedAgainWhereThatHelps) {
  std::vector<std::string> answers;
  std::size_t next = 0;
  TinyServer google(
      [&](const TinyServer::Seen&) { return answers.at(std::min(next++, answers.size() - 1)); });
  const auto credentials = file_credentials(file(key_content(google.url() + "/token")));
  const auto fault = [&](std::vector<std::string> given) -> std::string {
    answers = std::move(given);
    next = 0;
    try {
      credentials->forget(credentials->token("s"));
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const auto now_and_then = TinyServer::answer(503, "", "Retry-After: 0\r\n");
  EXPECT_EQ(fault({now_and_then, "cut", token_answer("t")}), "");
  EXPECT_EQ(next, 3u);
  EXPECT_NE(fault({now_and_then}).find("HTTP 503"), std::string::npos);
  EXPECT_EQ(next, 3u);
  EXPECT_EQ(fault({TinyServer::answer(
                401, R"({"error":"unauthorized_client","error_description":"Client is\nunauthorized"})")}),
            fmt::format("Google gives no token for {}: HTTP 401 (Client is?unauthorized)", kEmail));
  EXPECT_EQ(next, 1u);
  EXPECT_NE(fault({TinyServer::answer(403, R"({"error":{"code":403,"message":"denied"}})")}).find("(denied)"),
            std::string::npos);
  for (const char* body : {"", "<html>", "[]", "{}", R"({"access_token":""})", R"({"access_token":"a\r\nb"})",
                           R"({"access_token":7})"}) {
    EXPECT_NE(fault({TinyServer::answer(200, body)}).find("holds no token"), std::string::npos) << body;
  }
  EXPECT_EQ(fault({TinyServer::answer(200, R"({"access_token":"t"})")}), "")
      << "without an end it is used once";
}

TEST(SigningKeyTest, ReadsPemAlsoOfTheOlderForm) {
  const jose::SigningKey key(pem_of(usual_key().get()));
  EXPECT_TRUE(is_signed_by_us("text", key.sign("text")));
  EXPECT_FALSE(is_signed_by_us("texT", key.sign("text")));
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey_traditional(out.get(), usual_key().get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  EXPECT_TRUE(is_signed_by_us("x", jose::SigningKey({data, static_cast<std::size_t>(size)}).sign("x")));
  // One that asks for a passphrase is refused, and nobody is asked.
  const std::unique_ptr<BIO, decltype(&BIO_free)> locked(BIO_new(BIO_s_mem()), BIO_free);
  unsigned char pass[] = "pass";
  PEM_write_bio_PrivateKey(locked.get(), usual_key().get(), EVP_aes_128_cbc(), pass, 4, nullptr, nullptr);
  const auto locked_size = BIO_get_mem_data(locked.get(), &data);
  EXPECT_THROW(jose::SigningKey({data, static_cast<std::size_t>(locked_size)}), Error);
}

}  // namespace
}  // namespace agnes::google
