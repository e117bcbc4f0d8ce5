#include "lib/jose/signing_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/base/error.h"

namespace agnes::jose {

namespace {

constexpr int kShortestKey = 2048;  // bits

// Without one of our own, OpenSSL asks at the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

SigningKey::SigningKey(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  if (source)
    key_ = {PEM_read_bio_PrivateKey(source.get(), nullptr, no_passphrase, nullptr),
            [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }};
  const auto* key = static_cast<EVP_PKEY*>(key_.get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < kShortestKey)
    throw Error(ErrorKind::bad_request, "it holds no RSA key of 2048 bits or more");
}

std::string SigningKey::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  auto* key = static_cast<EVP_PKEY*>(key_.get());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  std::size_t size = out.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes,
                     text.size()) != 1)
    throw Error(ErrorKind::internal, "a service account's key cannot sign");
  out.resize(size);
  return out;
}

}  // namespace agnes::jose
