#include "lib/base/signature.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes {

namespace {

constexpr std::size_t kKeyBytes = 32, kSignatureBytes = 64;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorKind::internal, std::string("OpenSSL cannot ") + what);
}

}  // namespace

SigningKey::SigningKey(std::string_view seed)
    : key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes(seed), seed.size()),
           [](void* key) { EVP_PKEY_free(static_cast<EVP_PKEY*>(key)); }) {
  std::string raw(kKeyBytes, '\0');
  std::size_t size = raw.size();
  if (key_ == nullptr ||
      EVP_PKEY_get_raw_public_key(static_cast<EVP_PKEY*>(key_.get()),
                                  reinterpret_cast<unsigned char*>(raw.data()), &size) != 1)
    fail("make an Ed25519 key");
  public_key_ = base64(raw);
}

SigningKey SigningKey::load_or_make(const fs::path& file) {
  if (const auto text = read_file(file)) {
    const auto seed = from_base64(trim(*text));
    if (!seed || seed->size() != kKeyBytes)
      throw Error(
          ErrorKind::internal,
          file.string() + " is not an Ed25519 key: restore it from a backup, or remove it for a new one");
    return SigningKey(*seed);
  }
  std::string seed(kKeyBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) != 1)
    fail("make random bytes");
  replace_file(file, base64(seed) + "\n", 0600);
  return SigningKey(seed);
}

std::string SigningKey::sign(std::string_view text) const {
  const Context context(EVP_MD_CTX_new());
  std::string out(kSignatureBytes, '\0');
  std::size_t size = out.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, static_cast<EVP_PKEY*>(key_.get())) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes(text),
                     text.size()) != 1)
    fail("sign");
  return base64(out);
}

bool is_signed_by(std::string_view public_key, std::string_view text, std::string_view signature) {
  const auto raw = from_base64(public_key), sign = from_base64(signature);
  if (!raw || raw->size() != kKeyBytes || !sign || sign->size() != kSignatureBytes) return false;
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(*raw), raw->size()), EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new());
  return key != nullptr && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(*sign), sign->size(), bytes(text), text.size()) == 1;
}

}  // namespace agnes
