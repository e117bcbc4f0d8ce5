// JSON Web Tokens, ID tokens and key sets. The first byte says which.
#include "fuzz/target.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/jose/jwt.h"
#include "lib/jose/oidc_token.h"

namespace {

using namespace agnes;

constexpr std::string_view kSecret = "a-secret-for-tests-of-more-than-32-characters";
constexpr std::int64_t kNow = 1'800'000'000;

// A token's claims, signed, so that they are read.
void claims(std::string_view payload) {
  const std::string signed_text = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(payload);
  const std::string token = signed_text + "." + base64url(hmac_sha256(kSecret, signed_text));
  const auto found = jose::verify_jwt(token, kSecret, kNow);
  if (!found) return;
  fuzz::expect(!found->sub.empty(), "a token is somebody's");
  fuzz::expect(!found->exp || *found->exp > kNow, "a token is not expired");
}

void token(std::string_view text) {
  fuzz::expect(!jose::verify_jwt(text, kSecret, kNow), "a token without the secret's signature is refused");
  try {
    jose::key_id_of(text);
  } catch (const jose::Refused&) {
  }
  try {
    jose::verify(text, {},
                 {.issuers = {"https://example.com"}, .client_id = "client", .nonce = "nonce", .now = kNow});
    fuzz::expect(false, "an ID token of no key is refused");
  } catch (const jose::Refused&) {
  }
}

void keys(std::string_view text) {
  try {
    for (const auto& key : jose::parse_keys(text))
      fuzz::expect(!key.verifies("text", std::string(256, 'x')), "nothing else is a signature");
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::choose(data, size, {claims, token, keys});
}
