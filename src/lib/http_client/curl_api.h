#pragma once

#include <optional>
#include <string>

#include <curl/curl.h>

// libcurl, loaded with dlopen on first use: it brings some thirty libraries along (TLS, LDAP, Kerberos, ...),
// and a command that makes no request should not wait for them. To use one more function, add it to the list.
namespace agnes::http_client {

// clang-format off
#define AGNES_CURL_FUNCTIONS(X)                                                                             \
  X(global_init) X(easy_init) X(easy_cleanup) X(easy_reset) X(easy_setopt) X(easy_perform) X(easy_getinfo)  \
  X(easy_strerror) X(slist_append) X(slist_free_all) X(share_init) X(share_setopt) X(share_cleanup)         \
  X(getdate)
// clang-format on

struct CurlApi {
#define AGNES_DECLARE(name) decltype(&curl_##name) name;
  AGNES_CURL_FUNCTIONS(AGNES_DECLARE)
#undef AGNES_DECLARE
};

// Loads and initialises libcurl on the first call. Throws Error when it is missing.
const CurlApi& curl();

// Where the trusted certificates are, when the environment says so and they can be read: CURL_CA_BUNDLE or
// SSL_CERT_FILE, and SSL_CERT_DIR.
struct TrustedCertificates {
  std::optional<std::string> file, folder;
};
TrustedCertificates trusted_certificates();

}  // namespace agnes::http_client
