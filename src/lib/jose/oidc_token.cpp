#include "lib/jose/oidc_token.h"

#include <algorithm>
#include <array>

#include <boost/json/parse.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "lib/base/hash.h"
#include "lib/jose/claims.h"

namespace agnes::jose {

namespace {

namespace js = boost::json;

constexpr std::size_t kLongestToken = 16 << 10;
constexpr std::size_t kMostKeys = 50;
constexpr std::int64_t kClockDifference = 60;
constexpr std::size_t kMaxDepth = 8;
// A provider's tokens live an hour; an older one is not of this sign-in.
constexpr std::int64_t kOldest = 86400;
constexpr int kShortestModulus = 2048, kLongestModulus = 8192;  // bits

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
template <class T, auto kFree>
using Owned = std::unique_ptr<T, Free<kFree>>;

Owned<BIGNUM, BN_free> number(std::string_view bytes) {
  return Owned<BIGNUM, BN_free>(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                          static_cast<int>(bytes.size()), nullptr));
}

struct Parts {
  std::string_view header, payload, signature;
  std::string_view signed_text;
};

Parts parts_of(std::string_view token) {
  if (token.size() > kLongestToken) throw Refused("it is too long");
  const auto first = token.find('.');
  const auto second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos)
    throw Refused("it is not a signed JSON Web Token");
  return {token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
          token.substr(0, second)};
}

js::object object_of(std::string_view part, const char* name) {
  const auto text = from_base64url(part);
  auto object = text ? parse_object(*text, kMaxDepth) : std::nullopt;
  if (!object) throw Refused(std::string("its ") + name + " cannot be read");
  return std::move(*object);
}

// Meant for us, and for us alone or with us named as the one it was made for.
bool is_for(const js::object& claims, const std::string& client_id) {
  const auto party = claims.contains("azp") ? std::optional(text_at(claims, "azp")) : std::nullopt;
  if (party && *party != client_id) return false;
  const auto* audience = claims.if_contains("aud");
  if (audience == nullptr) return false;
  if (const auto* one = audience->if_string()) return std::string_view(*one) == client_id;
  const auto* many = audience->if_array();
  if (many == nullptr || (many->size() > 1 && !party)) return false;
  return std::any_of(many->begin(), many->end(), [&](const js::value& value) {
    return value.is_string() && std::string_view(value.get_string()) == client_id;
  });
}

}  // namespace

std::optional<Key> Key::from_numbers(std::string id, std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > kLongestModulus / 8 + 1 || exponent.size() > 8) return std::nullopt;
  const auto n = number(modulus), e = number(exponent);
  if (!n || !e || BN_num_bits(n.get()) < kShortestModulus || BN_num_bits(n.get()) > kLongestModulus ||
      !BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get()))
    return std::nullopt;
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return std::nullopt;
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return std::nullopt;
  Key key;
  key.id_ = std::move(id);
  key.key_ = std::shared_ptr<void>(made, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); });
  return key;
}

bool Key::verifies(std::string_view text, std::string_view signature) const {
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  // PKCS #1 v1.5 padding is what RSA keys verify with unless told otherwise.
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                              static_cast<EVP_PKEY*>(key_.get())) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

Keys parse_keys(std::string_view text) {
  const auto set = parse_object(text, kMaxDepth);
  const auto* list = set ? set->if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array() || list->get_array().size() > kMostKeys)
    throw Error(ErrorKind::bad_gateway,
                "the sign-in provider's keys cannot be read: they are not a JSON Web Key Set");
  Keys keys;
  for (const auto& entry : list->get_array()) {
    const auto* key = entry.if_object();
    if (key == nullptr || text_at(*key, "kty") != "RSA") continue;
    if (key->contains("alg") && text_at(*key, "alg") != "RS256") continue;
    if (key->contains("use") && text_at(*key, "use") != "sig") continue;
    const auto id = text_at(*key, "kid");
    const auto n = from_base64url(text_at(*key, "n")), e = from_base64url(text_at(*key, "e"));
    if (id.empty() || !n || !e) continue;
    if (auto made = Key::from_numbers(id, *n, *e)) keys.push_back(std::move(*made));
  }
  return keys;
}

std::string key_id_of(std::string_view token) {
  const auto header = object_of(parts_of(token).header, "header");
  // The algorithm is ours to choose: a token that names "none", or HMAC with the public key as its secret,
  // never gets as far as a signature. Keys come from the provider's address only, whatever "jwk" or "jku"
  // say.
  if (text_at(header, "alg") != "RS256") throw Refused("it is not signed with RS256");
  if (header.contains("crit")) throw Refused("it asks for an unknown extension");
  auto id = text_at(header, "kid");
  if (id.empty()) throw Refused("it does not name its key");
  return id;
}

IdToken verify(std::string_view token, const Keys& keys, const ExpectedClaims& expected) {
  const auto id = key_id_of(token);
  const auto parts = parts_of(token);
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.id() == id; });
  if (key == keys.end()) throw Refused("its key is not among the provider's");
  const auto signature = from_base64url(parts.signature);
  if (!signature || !key->verifies(parts.signed_text, *signature)) throw Refused("its signature is wrong");

  const auto claims = object_of(parts.payload, "content");
  IdToken out{.issuer = text_at(claims, "iss"),
              .subject = text_at(claims, "sub"),
              .email = text_at(claims, "email"),
              .name = text_at(claims, "name"),
              .hosted_domain = text_at(claims, "hd")};
  if (std::find(expected.issuers.begin(), expected.issuers.end(), out.issuer) == expected.issuers.end())
    throw Refused("another provider issued it");
  if (!is_for(claims, expected.client_id)) throw Refused("it is for another application");
  const auto expires = seconds_at(claims, "exp"), issued = seconds_at(claims, "iat");
  if (!expires || *expires <= expected.now - kClockDifference) throw Refused("it is expired");
  if (!issued || *issued > expected.now + kClockDifference) throw Refused("it is from the future");
  if (*issued < expected.now - kOldest) throw Refused("it is too old");
  if (claims.contains("nbf")) {
    const auto from = seconds_at(claims, "nbf");
    if (!from || *from > expected.now + kClockDifference) throw Refused("it is not valid yet");
  }
  const auto nonce = text_at(claims, "nonce");
  if (nonce.empty() || !constant_time_equal(nonce, expected.nonce))
    throw Refused("it was made for another sign-in");
  if (out.subject.empty()) throw Refused("it names nobody");
  const auto* verified = claims.if_contains("email_verified");
  out.email_verified = verified != nullptr && verified->is_bool() && verified->get_bool();
  return out;
}

}  // namespace agnes::jose
